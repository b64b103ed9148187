// For what must not happen twice: of all calls with the same key, in the whole fleet, exactly one is the first within a time. The
// stream decides, by taking one message where there was none.
//
// When the bus fails in the middle of a call, or the call's time is over, the key may be noted and nobody was told to be the first:
// it is done at most once, not surely once.

import type { RequestOf } from "../host-call.js";
import { invalid } from "../host-call-errors.js";
import type { HostFunction } from "../host-function.js";
import { onceName } from "../state/state-name.js";
import { checkName, quoted } from "../store/kept-name.js";
import { expiryAfter } from "../store/kept-value.js";
import { noRoom } from "../store/no-room.js";
import type { PluginStore } from "../store/plugin-store.js";
import { tryAgain } from "../store/try-again.js";
import { untilAborted } from "../until-aborted.js";

const CALLS_PER_INVOCATION = 16;
/** Longest time in milliseconds: seven days. */
const MAX_TTL_MS = 7 * 24 * 60 * 60_000;
const NOTHING = new Uint8Array();

export interface OnceFunction {
	readonly once: HostFunction<"once", RequestOf<"once">>;
}

export function createOnceFunction(store: PluginStore): OnceFunction {
	return {
		once: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkName("once: the key", request.key);
				const { ttlMs } = request;
				if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > MAX_TTL_MS) {
					throw invalid(`once: the time is ${ttlMs} ms; 1 to ${MAX_TTL_MS} ms are allowed`);
				}
				return request;
			},
			async run({ key, ttlMs }, rights, { signal }) {
				const name = onceName(key);
				const { stateBytes } = rights.limits;
				// Most keys are new: whether one is there is asked only when it turned out not to be.
				let replaces = 0;
				const note = async (): Promise<boolean | undefined> => {
					const expiresAt = expiryAfter(store.now(), ttlMs);
					const write = { value: NOTHING, expiresAt, limitBytes: stateBytes, replaces };
					const written = await store.write(rights, name, write, signal);
					if (written === "kept") return true;
					const found = await store.read(rights, name, signal);
					if (found.value !== undefined) return false;
					if (written === "no_room") throw noRoom(`once: the key ${quoted(key)}`, "stateBytes", stateBytes);
					replaces = found.seq;
					return undefined;
				};
				return { isFirst: await untilAborted(signal, () => tryAgain("once", signal, note)) };
			},
		},
	};
}
