// Writes the Wasm binary format: integers, names, vectors, sections. Source: WebAssembly Core 2.0, chapter 5.
import type { FunctionType } from "./inspect-module.js";
import { readSections, SECTION, sectionRank } from "./read-sections.js";
import { VALUE_TYPE_CODES } from "./value-types.js";

/** Unsigned LEB128. */
export function encodeU32(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	do {
		const low = rest % 128;
		rest = Math.floor(rest / 128);
		bytes.push(rest > 0 ? low | 0x80 : low);
	} while (rest > 0);
	return bytes;
}

export function encodeName(name: string): number[] {
	const bytes = new TextEncoder().encode(name);
	return [...encodeU32(bytes.length), ...bytes];
}

export function encodeVector(items: readonly (readonly number[])[]): number[] {
	return [...encodeU32(items.length), ...items.flat()];
}

export function encodeFunctionType(type: FunctionType): number[] {
	const codes = (types: FunctionType["params"]) => encodeVector(types.map((name) => [VALUE_TYPE_CODES[name]]));
	return [0x60, ...codes(type.params), ...codes(type.results)];
}

/** A module of these sections, in the order that the format wants. */
export function encodeModule(sections: readonly (readonly [id: number, content: readonly number[]])[]): Uint8Array {
	const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
	return Uint8Array.from([...header, ...sections.flatMap(([id, content]) => [id, ...encodeU32(content.length), ...content])]);
}

/** The same module with this content of one section, which is put in its place when the module has none. */
export function replaceSection(bytes: Uint8Array, id: number, content: readonly number[]): Uint8Array {
	const sections = readSections(bytes).filter((section) => section.id !== SECTION.custom);
	const own = sections.find((section) => section.id === id);
	const begin = own?.start ?? sections.find((section) => sectionRank(section.id) > sectionRank(id))?.start ?? bytes.length;
	const end = own?.end ?? begin;
	const section = [id, ...encodeU32(content.length), ...content];
	const replaced = new Uint8Array(begin + section.length + (bytes.length - end));
	replaced.set(bytes.subarray(0, begin), 0);
	replaced.set(section, begin);
	replaced.set(bytes.subarray(end), begin + section.length);
	return replaced;
}
