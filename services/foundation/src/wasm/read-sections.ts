// Splits a module into its sections. Everything else that looks into a module starts from this list.
import { BinaryReader } from "./binary-reader.js";
import { ModuleFault } from "./module-fault.js";

export const SECTION = {
	custom: 0,
	type: 1,
	import: 2,
	function: 3,
	table: 4,
	memory: 5,
	global: 6,
	export: 7,
	start: 8,
	element: 9,
	code: 10,
	data: 11,
	dataCount: 12,
} as const;

const NAMES = [
	"custom",
	"type",
	"import",
	"function",
	"table",
	"memory",
	"global",
	"export",
	"start",
	"element",
	"code",
	"data",
	"data count",
];

export interface Section {
	readonly id: number;
	readonly name: string;
	/** Where the section's id byte stands. */
	readonly start: number;
	/** Where its content begins. */
	readonly contentStart: number;
	/** One past its last byte. */
	readonly end: number;
}

/**
 * @throws ModuleFault `not_wasm`, `component` or `malformed`
 */
export function readSections(bytes: Uint8Array): Section[] {
	const isWasm = bytes.length >= 8 && bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
	if (!isWasm)
		throw new ModuleFault("not_wasm", "header", "the file does not begin with the bytes of a WebAssembly module (00 61 73 6d)");
	const version = (bytes[4] as number) | ((bytes[5] as number) << 8);
	const layer = (bytes[6] as number) | ((bytes[7] as number) << 8);
	if (layer !== 0) {
		throw new ModuleFault(
			"component",
			"header",
			"this is a WebAssembly component; Extism plugins are core modules — build without the component model",
		);
	}
	if (version !== 1) throw new ModuleFault("not_wasm", "header", `version ${version} of the binary format; only 1 is known`);
	const sections: Section[] = [];
	const reader = new BinaryReader(bytes, 8, bytes.length, "module");
	let lastRank = 0;
	while (!reader.done) {
		const start = reader.offset;
		const id = reader.byte();
		const name = NAMES[id];
		if (name === undefined) throw new ModuleFault("malformed", "module", `unknown section id ${id} at byte ${start}`);
		const length = reader.u32();
		const contentStart = reader.skip(length);
		if (id !== SECTION.custom) {
			const rank = sectionRank(id);
			if (rank <= lastRank) throw new ModuleFault("malformed", name, "section stands twice or out of order");
			lastRank = rank;
		}
		sections.push({ id, name, start, contentStart, end: contentStart + length });
	}
	return sections;
}

/** Order of the sections in a module: data count stands between element and code. */
export function sectionRank(id: number): number {
	if (id === SECTION.dataCount) return SECTION.element + 0.5;
	return id;
}

/** A reader over one section's content. */
export function sectionReader(bytes: Uint8Array, section: Section): BinaryReader {
	return new BinaryReader(bytes, section.contentStart, section.end, `${section.name} section`);
}
