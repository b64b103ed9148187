// The functions of `extism:host/user`: what this host offers besides Extism's own. Each reads what the plugin passed, asks the main
// thread, and writes the answer where the plugin finds it. Rights and limits are looked at in the main thread (host-calls/).
import type { CurrentPlugin } from "@extism/extism";
import type { HostCallAnswers, HostCallType, RequestOf } from "../host-calls/host-call.js";
import { invalid } from "../host-calls/host-call-errors.js";
import type { HostMemory } from "./host-memory.js";

/** What the functions work on. The memory is looked up at each call: it is there only when everything is linked. */
export interface UserCallScope {
	memory(): HostMemory;
	/** @throws HostCallError */
	ask<Type extends HostCallType>(request: RequestOf<Type>): HostCallAnswers[Type];
}

/** The SDK passes a context of its own first; it belongs to its own memory, which is not used here. */
type UserFunction = (context: CurrentPlugin, ...values: bigint[]) => number | bigint | undefined;

const NO_BLOCK = 0n;
const KEPT = 0;
const NO_ROOM = 1;
/** Milliseconds; more than a hundred thousand years are no number that anybody means. */
const LONGEST_TTL = 2n ** 52n;

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function createUserFunctions({ memory, ask }: UserCallScope): Record<string, UserFunction> {
	const bytes = (address = NO_BLOCK) => memory().block(address);
	const text = (what: string, address?: bigint) => {
		try {
			return strictDecoder.decode(bytes(address));
		} catch (thrown) {
			if (thrown instanceof TypeError) throw invalid(`${what} is no UTF-8`);
			throw thrown;
		}
	};
	const block = (value: Uint8Array | string | undefined) => (value === undefined ? NO_BLOCK : memory().storeAt(value));
	const keptCode = ({ kept }: { readonly kept: boolean }) => (kept ? KEPT : NO_ROOM);
	return {
		state_get: (_context, key) => block(ask({ type: "state_get", key: text("a key", key) }).value),
		state_set: (_context, key, value, ttl) =>
			keptCode(ask({ type: "state_set", key: text("a key", key), value: bytes(value), ttlMs: milliseconds(ttl) })),
		state_delete: (_context, key) => {
			ask({ type: "state_delete", key: text("a key", key) });
			return undefined;
		},
		state_increment: (_context, key, delta = 0n, ttl) =>
			ask({ type: "state_increment", key: text("a key", key), delta, ttlMs: milliseconds(ttl) }).sum,
		once: (_context, key, ttl) => (ask({ type: "once", key: text("a key", key), ttlMs: milliseconds(ttl) }).isFirst ? 1 : 0),
		file_read: (_context, path) => block(ask({ type: "file_read", path: text("a path", path) }).content),
		file_write: (_context, path, content) =>
			keptCode(ask({ type: "file_write", path: text("a path", path), content: bytes(content) })),
		file_delete: (_context, path) => {
			ask({ type: "file_delete", path: text("a path", path) });
			return undefined;
		},
		file_list: (_context, prefix) => block(JSON.stringify(ask({ type: "file_list", prefix: text("a prefix", prefix) }).paths)),
		publish: (_context, topic, body) => {
			ask({ type: "publish", topic: text("a topic", topic), body: bytes(body) });
			return undefined;
		},
	};
}

/** @throws HostCallError for a time that is negative or endless */
function milliseconds(value = 0n): number {
	if (value < 0n || value > LONGEST_TTL) throw invalid(`${value} is no time in milliseconds; 0 is for ever`);
	return Number(value);
}
