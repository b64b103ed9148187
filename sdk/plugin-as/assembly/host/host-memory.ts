// Moves bytes between the plugin's memory and the blocks that the Extism host holds. Eight bytes for each call into the
// host, because that call is what costs; the PDK's own copies lose the end of any text that is not ASCII.
import {
	alloc,
	error_set,
	input_length,
	input_load_u8,
	input_load_u64,
	length,
	load_u8,
	load_u64,
	output_set,
	store_u8,
	store_u64,
} from "@extism/as-pdk/lib/env";
import { encodeUtf8 } from "../json/utf8";

/** The input of this call. */
export function readInput(): ArrayBuffer {
	const size = <usize>input_length();
	const bytes = new ArrayBuffer(<i32>size);
	const begin = changetype<usize>(bytes);
	if (size < 8) {
		for (let at: usize = 0; at < size; at++) store<u8>(begin + at, input_load_u8(at));
		return bytes;
	}
	const last = size - 8;
	for (let at: usize = 0; at < last; at += 8) store<u64>(begin + at, input_load_u64(at));
	// The last word overlaps the one before it, which is cheaper than up to seven single bytes.
	store<u64>(begin + last, input_load_u64(last));
	return bytes;
}

/** The bytes of a block of the host. */
export function readBlock(block: u64): ArrayBuffer {
	const size = <usize>length(block);
	const bytes = new ArrayBuffer(<i32>size);
	const begin = changetype<usize>(bytes);
	if (size < 8) {
		for (let at: usize = 0; at < size; at++) store<u8>(begin + at, load_u8(block + at));
		return bytes;
	}
	const last = size - 8;
	for (let at: usize = 0; at < last; at += 8) store<u64>(begin + at, load_u64(block + at));
	store<u64>(begin + last, load_u64(block + last));
	return bytes;
}

/** Copies bytes into a new block of the host. Traps when the host gives no memory. */
export function storeBlock(begin: usize, size: usize): u64 {
	const block = alloc(size);
	if (block == 0) unreachable();
	if (size < 8) {
		for (let at: usize = 0; at < size; at++) store_u8(block + at, load<u8>(begin + at));
		return block;
	}
	const last = size - 8;
	for (let at: usize = 0; at < last; at += 8) store_u64(block + at, load<u64>(begin + at));
	store_u64(block + last, load<u64>(begin + last));
	return block;
}

/** Copies bytes into a new block of the host. */
export function storeBytes(bytes: ArrayBuffer): u64 {
	return storeBlock(changetype<usize>(bytes), bytes.byteLength);
}

/** Copies a text into a new block of the host. */
export function storeText(text: string): u64 {
	return storeBytes(encodeUtf8(text));
}

/** Makes these bytes the output of this call. */
export function writeOutput(begin: usize, size: usize): void {
	output_set(storeBlock(begin, size), size);
}

/** Makes this text the error of this call, and returns the code that an export returns then. */
export function reportError(text: string): i32 {
	error_set(storeText(text));
	return 1;
}
