// A host that a test writes itself: it runs any plugin's module, records what the plugin asks for, and answers what the test
// says. It stands for no runtime; it shows what a module does with each answer, those included that a runtime gives rarely.
import { WASI } from "node:wasi";
import { EXTISM_ENV, USER_MODULE } from "@hookbus/foundation";

/** What is kept under a name; undefined for nothing. */
type Content = string | Uint8Array | undefined;

export interface HttpAnswer {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Uint8Array;
}

/** Answers of the host. A function that is missing here must not be called. */
export interface HostScript {
	state_get?(key: string): Content;
	state_set?(key: string, value: Uint8Array, ttlMs: bigint): number;
	state_delete?(key: string): void;
	state_increment?(key: string, by: bigint, ttlMs: bigint): bigint;
	once?(key: string, ttlMs: bigint): number;
	file_read?(path: string): Content;
	file_write?(path: string, content: Uint8Array): number;
	file_delete?(path: string): void;
	file_list?(prefix: string): Content;
	publish?(topic: string, body: Uint8Array): void;
	http_request?(request: string, body: Uint8Array | undefined): HttpAnswer;
}

type Answer = Content | number | bigint | HttpAnswer;

export interface ScriptedRun {
	/** What the export returned. */
	readonly code: number;
	readonly output: string | undefined;
	readonly error: string | undefined;
	/** Functions that the plugin called in their order, with texts as strings and bytes as buffers. */
	readonly calls: readonly (readonly [name: string, ...values: unknown[]])[];
}

const OFFSET_BITS = 48n;
const OFFSET_MASK = (1n << OFFSET_BITS) - 1n;

/** Host memory: blocks by number. Everything outside of a block is an error. */
class Blocks {
	/** The null address is a block of one byte, as in Extism: who reads it gets a wrong value rather than an error. */
	readonly #blocks: Uint8Array[] = [new Uint8Array(1)];

	add(content: Uint8Array): bigint {
		return BigInt(this.#blocks.push(content) - 1) << OFFSET_BITS;
	}

	addContent(content: Content): bigint {
		if (content === undefined) return 0n;
		return this.add(typeof content === "string" ? new TextEncoder().encode(content) : content);
	}

	at(address: bigint): DataView {
		const unsigned = BigInt.asUintN(64, address);
		const block = this.#blocks[Number(unsigned >> OFFSET_BITS)];
		if (block === undefined) throw new Error(`there is no block at ${unsigned}`);
		const offset = Number(unsigned & OFFSET_MASK);
		return new DataView(block.buffer, block.byteOffset + offset, block.byteLength - offset);
	}

	/** What the plugin passes. No function takes the null address for something. */
	bytes(address: bigint): Buffer {
		if (address === 0n) throw new Error("the null address is nothing that can be passed");
		const { buffer, byteOffset, byteLength } = this.at(address);
		return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
	}

	/** Text that is not UTF-8 is an error: no host takes it. */
	text(address: bigint): string {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.bytes(address));
	}
}

/**
 * Calls one export of a fresh instance.
 *
 * @param config what the plugin reads as its configuration; default: the host has none
 */
export async function runScripted(
	module: Uint8Array,
	name: string,
	input: string | Uint8Array,
	script: HostScript = {},
	config?: unknown,
): Promise<ScriptedRun> {
	const blocks = new Blocks();
	const inputAt = blocks.addContent(input);
	const calls: [string, ...unknown[]][] = [];
	let output: string | undefined;
	let error: string | undefined;
	let response: HttpAnswer | undefined;

	const ask = (called: keyof HostScript, ...values: unknown[]): Answer => {
		calls.push([called, ...values]);
		const answer = script[called] as ((...values: unknown[]) => Answer) | undefined;
		if (answer === undefined) throw new Error(`the plugin called ${called}, and the test has no answer to it`);
		return answer(...values);
	};
	const content = (...called: Parameters<typeof ask>) => blocks.addContent(ask(...called) as Content);
	const log = (level: string) => (at: bigint) => void calls.push([`log_${level}`, blocks.text(at)]);

	const env = {
		alloc: (length: bigint) => blocks.add(new Uint8Array(Number(length))),
		free: () => undefined,
		length: (at: bigint) => BigInt(blocks.at(at).byteLength),
		length_unsafe: (at: bigint) => BigInt(blocks.at(at).byteLength),
		load_u8: (at: bigint) => blocks.at(at).getUint8(0),
		load_u64: (at: bigint) => blocks.at(at).getBigUint64(0, true),
		store_u8: (at: bigint, value: number) => blocks.at(at).setUint8(0, value),
		store_u64: (at: bigint, value: bigint) => blocks.at(at).setBigUint64(0, value, true),
		input_length: () => BigInt(blocks.at(inputAt).byteLength),
		input_load_u8: (at: bigint) => blocks.at(inputAt + at).getUint8(0),
		input_load_u64: (at: bigint) => blocks.at(inputAt + at).getBigUint64(0, true),
		output_set: (at: bigint, length: bigint) => {
			output = blocks.bytes(at).subarray(0, Number(length)).toString();
		},
		error_set: (at: bigint) => {
			error = blocks.text(at);
		},
		config_get: () => blocks.addContent(config === undefined ? undefined : JSON.stringify(config)),
		get_log_level: () => 0,
		log_debug: log("debug"),
		log_info: log("info"),
		log_warn: log("warn"),
		log_error: log("error"),
		http_request: (request: bigint, body: bigint) => {
			response = ask("http_request", blocks.text(request), body === 0n ? undefined : blocks.bytes(body)) as HttpAnswer;
			return blocks.addContent(response.status === 0 ? undefined : (response.body ?? ""));
		},
		http_status_code: () => response?.status ?? 0,
		http_headers: () => (response?.headers === undefined ? 0n : blocks.addContent(JSON.stringify(response.headers))),
	};
	const user = {
		state_get: (key: bigint) => content("state_get", blocks.text(key)),
		state_set: (key: bigint, value: bigint, ttlMs: bigint) => ask("state_set", blocks.text(key), blocks.bytes(value), ttlMs),
		state_delete: (key: bigint) => ask("state_delete", blocks.text(key)),
		state_increment: (key: bigint, by: bigint, ttlMs: bigint) => ask("state_increment", blocks.text(key), by, ttlMs),
		once: (key: bigint, ttlMs: bigint) => ask("once", blocks.text(key), ttlMs),
		file_read: (path: bigint) => content("file_read", blocks.text(path)),
		file_write: (path: bigint, written: bigint) => ask("file_write", blocks.text(path), blocks.bytes(written)),
		file_delete: (path: bigint) => ask("file_delete", blocks.text(path)),
		file_list: (prefix: bigint) => content("file_list", blocks.text(prefix)),
		publish: (topic: bigint, body: bigint) => ask("publish", blocks.text(topic), blocks.bytes(body)),
	};

	const wasi = new WASI({ version: "preview1" });
	const imports = { [EXTISM_ENV]: env, [USER_MODULE]: user, wasi_snapshot_preview1: wasi.wasiImport };
	const { instance } = await WebAssembly.instantiate(new Uint8Array(module), imports as WebAssembly.Imports);
	wasi.initialize(instance);
	const start = instance.exports[name] as (() => number) | undefined;
	if (start === undefined) throw new Error(`the module exports no function "${name}"`);
	return { code: start(), output, error, calls };
}
