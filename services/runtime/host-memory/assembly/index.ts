// The functions of `extism:host/env` that only move bytes, as Wasm. Extism's SDK serves them from JavaScript, one call for every
// one to eight bytes that a plugin reads or writes; linked as a module of that name, they cost a few nanoseconds each. What
// they do is what the SDK's do: an address is the number of a block in the upper 16 bits and an offset in the lower 48, and
// nothing outside of a block can be reached through it.
//
// Memory: a table of blocks (where it begins, how long it is), then what is kept of the plugin's own memory, then the blocks one
// behind the other. Nothing is reused within a call, and `begin` clears what the call before it used.

import * as host from "./host";

/** Arguments of `host.fail`; src/plugin-host/host-errors.ts says what they mean. */
const OUTSIDE_BLOCK: u32 = 1;
const UNKNOWN_BLOCK: u32 = 2;
const UNKNOWN_OUTPUT: u32 = 3;
const OUTPUT_TOO_LONG: u32 = 4;
const UNKNOWN_ERROR: u32 = 5;

const OFFSET_BITS: u64 = 48;
const OFFSET_MASK: u64 = (1 << 48) - 1;

/** Most blocks of one call, the null block and the input included. */
const TABLE_ENTRIES: u32 = 16_384;
const ENTRY_BYTES: u32 = 8;
/** Not 0, so that no block begins at 0. */
const TABLE: u32 = 16;
const HEAP: u32 = TABLE + TABLE_ENTRIES * ENTRY_BYTES;

/** Where the first block begins; in front of it lies what was kept. */
let heap: u32 = HEAP;
/** Blocks of this call, freed ones included. */
let count: u32 = 0;
let top: u32 = HEAP;
let bytesLeft: u64 = 0;
let blocksLeft: u32 = 0;
/** Bytes of the last allocation that was refused, or -1. */
let refused: f64 = -1;
let inputBlock: u32 = 0;
/** -1: none was set. */
let outputBlock: i32 = -1;
let outputOffset: u32 = 0;
let outputLength: u32 = 0;
let errorBlock: i32 = -1;

function entryOf(block: u32): u32 {
	return TABLE + block * ENTRY_BYTES;
}

/** Where a block begins; 0 when there is none of this number, or it was freed. */
function beginOf(block: u64): u32 {
	return block < <u64>count ? load<u32>(entryOf(<u32>block)) : 0;
}

function lengthOf(block: u32): u32 {
	return load<u32>(entryOf(block), 4);
}

/** Makes sure that the memory reaches up to here. */
function reach(end: u64): bool {
	if (end > 0x4000_0000) return false;
	const capacity = (<u64>memory.size()) << 16;
	return end <= capacity || memory.grow(<i32>((end - capacity + 0xffff) >> 16)) >= 0;
}

/** Number of a new block of zeroes; 0 when there is no room. */
function addBlock(size: u32): u32 {
	const end = <u64>top + <u64>size;
	if (count >= TABLE_ENTRIES || !reach(end)) return 0;
	const block = count;
	store<u32>(entryOf(block), top);
	store<u32>(entryOf(block), size, 4);
	top = (<u32>end + 7) & ~7;
	count = block + 1;
	return block;
}

/** A block for which the call's limits have room; 0 and a note of the size when they do not. */
function addLimitedBlock(size: u64): u32 {
	if (size <= bytesLeft && blocksLeft > 0) {
		const block = addBlock(<u32>size);
		if (block != 0) {
			bytesLeft -= size;
			blocksLeft -= 1;
			return block;
		}
	}
	refused = <f64>size;
	return 0;
}

function addressOf(block: u32): u64 {
	return (<u64>block) << OFFSET_BITS;
}

function freeBlock(block: u32): void {
	store<u32>(entryOf(block), 0);
}

// What the plugin imports. A block that does not exist reads as 0 by the byte and is an error by the word; writes to it do
// nothing. That is what the SDK's functions do.

export function alloc(size: u64): u64 {
	return addressOf(addLimitedBlock(size));
}

export function free(address: u64): void {
	const block = address >> OFFSET_BITS;
	if (block >= <u64>TABLE_ENTRIES) return;
	// A block that was never made cannot be made any more; so it is with the SDK.
	if (block >= <u64>count) count = <u32>block + 1;
	freeBlock(<u32>block);
}

export function length(address: u64): u64 {
	const block = address >> OFFSET_BITS;
	return beginOf(block) == 0 ? 0 : <u64>lengthOf(<u32>block);
}

export function length_unsafe(address: u64): u64 {
	return length(address);
}

export function load_u8(address: u64): u32 {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return 0;
	const offset = address & OFFSET_MASK;
	if (offset >= <u64>lengthOf(<u32>block)) host.fail(OUTSIDE_BLOCK);
	return load<u8>(begin + <u32>offset);
}

export function load_u64(address: u64): u64 {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) host.fail(UNKNOWN_BLOCK);
	const offset = address & OFFSET_MASK;
	if (offset + 8 > <u64>lengthOf(<u32>block)) host.fail(OUTSIDE_BLOCK);
	return load<u64>(begin + <u32>offset);
}

export function store_u8(address: u64, value: u32): void {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return;
	const offset = address & OFFSET_MASK;
	if (offset >= <u64>lengthOf(<u32>block)) host.fail(OUTSIDE_BLOCK);
	store<u8>(begin + <u32>offset, <u8>value);
}

export function store_u64(address: u64, value: u64): void {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return;
	const offset = address & OFFSET_MASK;
	if (offset + 8 > <u64>lengthOf(<u32>block)) host.fail(OUTSIDE_BLOCK);
	store<u64>(begin + <u32>offset, value);
}

export function input_offset(): u64 {
	return addressOf(inputBlock);
}

export function input_length(): u64 {
	return length(addressOf(inputBlock));
}

export function input_load_u8(offset: u64): u32 {
	return load_u8(addressOf(inputBlock) | (offset & OFFSET_MASK));
}

export function input_load_u64(offset: u64): u64 {
	return load_u64(addressOf(inputBlock) | (offset & OFFSET_MASK));
}

export function output_set(address: u64, size: u64): void {
	const block = address >> OFFSET_BITS;
	if (beginOf(block) == 0) host.fail(UNKNOWN_OUTPUT);
	const offset = address & OFFSET_MASK;
	const available = <u64>lengthOf(<u32>block);
	if (offset > available || size > available - offset) host.fail(OUTPUT_TOO_LONG);
	outputBlock = <i32>block;
	outputOffset = <u32>offset;
	outputLength = <u32>size;
}

export function error_set(address: u64): void {
	const block = address >> OFFSET_BITS;
	if (beginOf(block) == 0) host.fail(UNKNOWN_ERROR);
	errorBlock = <i32>block;
}

export function error_get(): u64 {
	return errorBlock < 0 ? 0 : addressOf(<u32>errorBlock);
}

/** The block of a key is freed once it was read, as the SDK does. */
export function config_get(address: u64): u64 {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return 0;
	const found = host.config_get(begin, lengthOf(<u32>block));
	freeBlock(<u32>block);
	return addressOf(found);
}

export function var_get(address: u64): u64 {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return 0;
	const found = host.var_get(begin, lengthOf(<u32>block));
	freeBlock(<u32>block);
	return addressOf(found);
}

export function var_set(keyAddress: u64, address: u64): void {
	const key = keyAddress >> OFFSET_BITS;
	const keyBegin = beginOf(key);
	if (keyBegin == 0) return;
	if (address == 0) {
		host.var_delete(keyBegin, lengthOf(<u32>key));
		return;
	}
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return;
	host.var_set(keyBegin, lengthOf(<u32>key), begin, lengthOf(<u32>block));
}

export function http_request(address: u64, bodyAddress: u64): u64 {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	const body = bodyAddress >> OFFSET_BITS;
	const bodyBegin = bodyAddress == 0 ? 0 : beginOf(body);
	return addressOf(
		host.http_request(begin, begin == 0 ? 0 : lengthOf(<u32>block), bodyBegin, bodyBegin == 0 ? 0 : lengthOf(<u32>body)),
	);
}

export function http_status_code(): u32 {
	return host.http_status_code();
}

export function http_headers(): u64 {
	return addressOf(host.http_headers());
}

function log(level: u32, address: u64): void {
	const block = address >> OFFSET_BITS;
	const begin = beginOf(block);
	if (begin == 0) return;
	host.log(level, begin, lengthOf(<u32>block));
	freeBlock(<u32>block);
}

export function log_trace(address: u64): void {
	log(0, address);
}

export function log_debug(address: u64): void {
	log(1, address);
}

export function log_info(address: u64): void {
	log(2, address);
}

export function log_warn(address: u64): void {
	log(3, address);
}

export function log_error(address: u64): void {
	log(4, address);
}

/** Level 0, trace: the host keeps every line, up to its limits. */
export function get_log_level(): u32 {
	return 0;
}

// What the host calls. A plugin cannot import these: they are on no allow-list.

function clear(): void {
	memory.fill(TABLE, 0, count * ENTRY_BYTES);
	memory.fill(heap, 0, top - heap);
	count = 0;
	top = heap;
}

/**
 * Clears what the last call left and makes room for the input.
 *
 * @returns where the host writes the input, or 0 when there is no memory for it
 */
export function begin(inputLength: u32, maxBytes: f64, maxBlocks: u32): u32 {
	clear();
	refused = -1;
	outputBlock = -1;
	outputOffset = 0;
	outputLength = 0;
	errorBlock = -1;
	bytesLeft = <u64>maxBytes;
	blocksLeft = maxBlocks;
	// Block 0 is what the null address means.
	addBlock(1);
	inputBlock = addBlock(inputLength);
	return beginOf(inputBlock);
}

/** Number of a new block for the host's own answer; 0 when the call's limits have no room for it. */
export function allocate_for_host(size: u32): u32 {
	return addLimitedBlock(size);
}

export function block_begin(block: u32): u32 {
	return beginOf(block);
}

/** Length of a block that there is: {@link block_begin} says so. */
export function block_length(block: u32): u32 {
	return lengthOf(block);
}

export function set_error_block(block: u32): void {
	errorBlock = <i32>block;
}

/** Number of the block that is the call's answer; -1: none was set. An error goes before an output. */
function resultBlock(): i32 {
	return errorBlock >= 0 ? errorBlock : outputBlock;
}

/** 0: nothing was set, or its block was freed. 1: output. 2: error. */
export function result_kind(): u32 {
	const block = resultBlock();
	if (block < 0 || beginOf(<u64>block) == 0) return 0;
	return errorBlock >= 0 ? 2 : 1;
}

export function result_begin(): u32 {
	return errorBlock >= 0 ? beginOf(<u64>errorBlock) : beginOf(<u64>outputBlock) + outputOffset;
}

export function result_length(): u32 {
	return errorBlock >= 0 ? lengthOf(<u32>errorBlock) : outputLength;
}

/** Bytes of the last allocation that was refused; -1: none was. */
export function refused_bytes(): f64 {
	return refused;
}

// What plugin-memory.wat calls: a place that outlasts the calls, for what has to be put back between them.

/** Makes room for this many bytes, in place of what was kept before. Where they begin, or 0 when there is no memory for them. */
export function keep(bytes: u32): u32 {
	clear();
	if (!reach(<u64>HEAP + <u64>bytes)) return 0;
	heap = HEAP + ((bytes + 15) & ~15);
	top = heap;
	return HEAP;
}
