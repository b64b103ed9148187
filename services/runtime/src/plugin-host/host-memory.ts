// The host's view of the memory that a plugin reads its input from and writes its output to (host-memory/assembly/index.ts).
import { HostMemoryFull, HostMemoryMisuse, UNKNOWN_BLOCK } from "./host-errors.js";

/** Exports of host-memory/assembly/index.ts that only the host calls. */
export interface HostMemoryExports {
	readonly memory: WebAssembly.Memory;
	begin(inputLength: number, maxBytes: number, maxBlocks: number): number;
	allocate_for_host(size: number): number;
	block_begin(block: number): number;
	block_length(block: number): number;
	set_error_block(block: number): void;
	result_kind(): number;
	result_begin(): number;
	result_length(): number;
	refused_bytes(): number;
}

/** What a call ended with, as the plugin set it. The bytes are valid until the next call. */
export type CallResult = { readonly kind: "none" } | { readonly kind: "output" | "error"; readonly bytes: Uint8Array };

/** An address is the number of a block, and below it an offset. */
const OFFSET_BITS = 48n;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class HostMemory {
	readonly #exports: HostMemoryExports;

	constructor(exports: HostMemoryExports) {
		this.#exports = exports;
	}

	/** Clears what the last call left and writes the input of the next. */
	begin(input: string | Uint8Array, maxBytes: number, maxBlocks: number): void {
		const length = typeof input === "string" ? Buffer.byteLength(input) : input.length;
		const begin = this.#exports.begin(length, maxBytes, maxBlocks);
		if (begin === 0) throw new HostMemoryFull(length);
		const target = this.#bytes(begin, length);
		if (typeof input === "string") encoder.encodeInto(input, target);
		else target.set(input);
	}

	result(): CallResult {
		const kind = this.#exports.result_kind();
		if (kind === 0) return { kind: "none" };
		const bytes = this.#bytes(this.#exports.result_begin(), this.#exports.result_length());
		return { kind: kind === 1 ? "output" : "error", bytes };
	}

	/** A text that the plugin passed; what is not UTF-8 is replaced. */
	text(begin: number, length: number): string {
		return decoder.decode(this.#bytes(begin, length));
	}

	/** A copy of bytes that the plugin passed. */
	copy(begin: number, length: number): Uint8Array {
		return this.#bytes(begin, length).slice();
	}

	/**
	 * Number of a new block with these bytes.
	 *
	 * @throws HostMemoryFull when the call's limits have no room for it
	 */
	store(value: string | Uint8Array): number {
		const bytes = typeof value === "string" ? encoder.encode(value) : value;
		const block = this.#exports.allocate_for_host(bytes.length);
		if (block === 0) throw new HostMemoryFull(bytes.length);
		this.#bytes(this.#exports.block_begin(block), bytes.length).set(bytes);
		return block;
	}

	/**
	 * A copy of the bytes in the block that a plugin names by its address.
	 *
	 * @throws HostMemoryMisuse when there is no such block
	 */
	block(address: bigint): Uint8Array {
		const block = Number(BigInt.asUintN(64, address) >> OFFSET_BITS);
		const begin = block === 0 ? 0 : this.#exports.block_begin(block);
		if (begin === 0) throw new HostMemoryMisuse(UNKNOWN_BLOCK);
		return this.copy(begin, this.#exports.block_length(block));
	}

	/** The address of a new block with these bytes. */
	storeAt(value: string | Uint8Array): bigint {
		return BigInt(this.store(value)) << OFFSET_BITS;
	}

	setError(message: string): void {
		this.#exports.set_error_block(this.store(message));
	}

	/** Bytes of the last allocation that was refused. */
	get refused(): number | undefined {
		const bytes = this.#exports.refused_bytes();
		return bytes < 0 ? undefined : bytes;
	}

	/** Bytes that it takes, used or not. */
	get size(): number {
		return this.#exports.memory.buffer.byteLength;
	}

	#bytes(begin: number, length: number): Uint8Array {
		return new Uint8Array(this.#exports.memory.buffer, begin, length);
	}
}
