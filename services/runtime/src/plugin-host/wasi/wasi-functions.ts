// What host-memory/wasi.wat passes on to the host. A new object for each instance that uses WASI: it holds that instance's
// unfinished lines of output, and its memory is read and written here.
import { randomFillSync } from "node:crypto";
import type { CurrentPlugin } from "@extism/extism";
import { hasRoomForLog, type LogScope } from "../../host-calls/log/host-call-report.js";
import { PluginExit } from "../host-errors.js";
import { Clock, RESOLUTION_NS } from "./clock.js";
import { ERRNO, type Errno } from "./errno.js";
import { isOutputStream, OutputLines, STANDARD_ERROR, STANDARD_OUTPUT } from "./output-lines.js";
import type { PluginBytes } from "./plugin-bytes.js";
import { poll } from "./poll.js";

/** Module that wasi.wat imports from. No plugin may import from it. */
export const WASI_HOST_MODULE = "hookbus:wasi";

/** The memory is looked up at each call: it is there only when everything is linked. */
export interface WasiScope extends LogScope {
	/** `undefined`: the plugin has no memory, or is not linked yet. */
	memory(): PluginBytes | undefined;
}

/** The SDK passes a context of its own first; it belongs to its own memory, which is not used here. */
type WasiFunction = (context: CurrentPlugin, ...values: number[]) => number;

const CHARACTER_DEVICE = 2;
const RIGHT_TO_WRITE = 64n;
const NS_PER_MS = 1_000_000n;
/** Bytes that go between the plugin's memory and the host together. */
const CHUNK_BYTES = 4_096;

export class WasiFunctions {
	readonly #scope: WasiScope;
	readonly #clock = new Clock();
	readonly #output: ReadonlyMap<number, OutputLines>;
	readonly #chunk = new Uint8Array(CHUNK_BYTES);
	/** By the names that wasi.wat has for them. */
	readonly functions: Readonly<Record<string, WasiFunction>>;

	constructor(scope: WasiScope) {
		this.#scope = scope;
		this.#output = new Map([
			[STANDARD_OUTPUT, new OutputLines("info", scope)],
			[STANDARD_ERROR, new OutputLines("warn", scope)],
		]);
		this.functions = {
			clock_resolution: this.#call((memory, clock, to) => this.#setTime(memory, clock, to, RESOLUTION_NS)),
			clock_time: this.#call((memory, clock, to) =>
				this.#setTime(memory, clock, to, BigInt(this.#clock.nowMs(clock)) * NS_PER_MS),
			),
			describe_stream: this.#call(describeStream),
			exit: (_context, code = 0) => {
				throw new PluginExit(code);
			},
			nothing: this.#call((memory, count, bytes) => {
				memory.setU32(count, 0);
				memory.setU32(bytes, 0);
				return ERRNO.success;
			}),
			poll: this.#call((memory, from, to, count, found) => poll(memory, this.#clock, from, to, count, found)),
			random: this.#call((memory, to, length) => this.#random(memory, to, length)),
			write: this.#call((memory, file, buffers, count, written) => this.#write(memory, file, buffers, count, written)),
		};
	}

	/** Ends the lines that the call left unfinished. */
	flush(): void {
		for (const lines of this.#output.values()) lines.flush();
	}

	/** An address outside of the plugin's memory is its mistake, and is answered like one. */
	#call(body: (memory: PluginBytes, a: number, b: number, c: number, d: number) => Errno): WasiFunction {
		return (_context, a = 0, b = 0, c = 0, d = 0) => {
			const memory = this.#scope.memory();
			if (memory === undefined) return ERRNO.badAddress;
			try {
				return body(memory, a >>> 0, b >>> 0, c >>> 0, d >>> 0);
			} catch (thrown) {
				if (thrown instanceof WebAssembly.RuntimeError) return ERRNO.badAddress;
				throw thrown;
			}
		};
	}

	#setTime(memory: PluginBytes, clock: number, to: number, ns: bigint): Errno {
		if (!this.#clock.has(clock)) return ERRNO.invalid;
		memory.setU64(to, ns);
		return ERRNO.success;
	}

	#random(memory: PluginBytes, to: number, length: number): Errno {
		for (let done = 0; done < length; done += CHUNK_BYTES) {
			memory.write(to + done, randomFillSync(this.#chunk.subarray(0, Math.min(CHUNK_BYTES, length - done))));
		}
		return ERRNO.success;
	}

	/** @param buffers where the addresses and the lengths of what is to be written stand */
	#write(memory: PluginBytes, file: number, buffers: number, count: number, written: number): Errno {
		const lines = this.#output.get(file);
		if (lines === undefined) return ERRNO.badFile;
		let total = 0;
		// What would only be dropped is not even read.
		let isFull = !hasRoomForLog(this.#scope);
		if (isFull) this.#scope.report().logsDropped += 1;
		for (let index = 0; index < count; index += 1) {
			const at = memory.u32(buffers + index * 8);
			const length = memory.u32(buffers + index * 8 + 4);
			total += length;
			for (let done = 0; done < length && !isFull; done += CHUNK_BYTES) {
				const chunk = this.#chunk.subarray(0, Math.min(CHUNK_BYTES, length - done));
				memory.read(at + done, chunk);
				lines.write(chunk);
				isFull = !hasRoomForLog(this.#scope);
			}
		}
		memory.setU32(written, total);
		return ERRNO.success;
	}
}

/** Says that standard output and standard error can be written and nothing else. */
function describeStream(memory: PluginBytes, file: number, to: number): Errno {
	if (!isOutputStream(file)) return ERRNO.badFile;
	memory.setU64(to, BigInt(CHARACTER_DEVICE));
	memory.setU64(to + 8, RIGHT_TO_WRITE);
	memory.setU64(to + 16, 0n);
	return ERRNO.success;
}
