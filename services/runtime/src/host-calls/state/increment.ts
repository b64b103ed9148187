// Adds to the whole number under a key so that no addition gets lost, whichever runtimes they come from. The number is kept as
// decimal text, which state_get and state_set can read and write.

import type { RequestOf } from "../host-call.js";
import { invalid } from "../host-call-errors.js";
import type { HostFunction } from "../host-function.js";
import { quoted } from "../store/kept-name.js";
import { expiryAfter } from "../store/kept-value.js";
import { noRoom } from "../store/no-room.js";
import type { PluginStore } from "../store/plugin-store.js";
import { tryAgain } from "../store/try-again.js";
import { Turns } from "../store/turns.js";
import { untilAborted } from "../until-aborted.js";
import { stateName } from "./state-name.js";

type Increment = HostFunction<"state_increment", RequestOf<"state_increment">>;

/**
 * The number's time to live is that of the first addition; later ones do not prolong it, so that counts within a span of time
 * (so many calls a minute) come to an end.
 */
export function createIncrement(store: PluginStore): Increment["run"] {
	const turns = new Turns();
	return async ({ key, delta, ttlMs }, rights, { signal }) => {
		const name = stateName(key);
		const { stateBytes } = rights.limits;
		const add = async (): Promise<bigint | undefined> => {
			const { seq, value, expiresAt } = await store.read(rights, name, signal);
			const sum = (value === undefined ? 0n : wholeNumber(key, value)) + delta;
			if (BigInt.asIntN(64, sum) !== sum) throw invalid(`state_increment: the sum under ${quoted(key)} leaves 64 bits`);
			const write = {
				value: Buffer.from(sum.toString()),
				expiresAt: value === undefined ? expiryAfter(store.now(), ttlMs) : expiresAt,
				limitBytes: stateBytes,
				replaces: seq,
			};
			const written = await store.write(rights, name, write, signal);
			if (written === "no_room") throw noRoom(`state_increment: the sum under ${quoted(key)}`, "stateBytes", stateBytes);
			return written === "kept" ? sum : undefined;
		};
		const place = `${rights.tenant}/${rights.plugin}/${key}`;
		const sum = await untilAborted(signal, () => turns.take(place, () => tryAgain("state_increment", signal, add)));
		return { sum };
	};
}

/** @throws HostCallError `guest_error` */
function wholeNumber(key: string, value: Uint8Array): bigint {
	const text = value.byteLength > 20 ? "" : Buffer.from(value).toString();
	if (!/^-?\d{1,19}$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) {
		throw invalid(`state_increment: what is kept under ${quoted(key)} is no whole number of 64 bits`);
	}
	return BigInt(text);
}
