// A module as its sections, so that it can be changed inside of one and still be read up to there: where a length is wrong,
// nothing behind it is looked at.
import { encodeU32 } from "@hookbus/foundation";
import { moveBytes, type Random, replaceBytes } from "./mutate.js";

const HEADER_BYTES = 8;

interface Section {
	readonly id: number;
	readonly content: Uint8Array;
}

/** Changes one section or the order of the sections, or puts something between them. */
export function mutateSections(module: Uint8Array, random: Random): Uint8Array {
	const sections = split(module);
	const at = Math.floor(random() * sections.length);
	const { id, content } = sections[at] as Section;
	const replaced = (changed: Uint8Array) => sections.with(at, { id, content: changed });
	const mutations: readonly (() => readonly Section[])[] = [
		() => replaced(content.length === 0 ? content : replaceBytes(content, random, 2)),
		() => replaced(content.length === 0 ? content : replaceBytes(content, random, 2, 0, Math.min(content.length, 8))),
		() => replaced(content.length === 0 ? content : moveBytes(content, random)),
		() => sections.toSpliced(at, 1),
		() => sections.toSpliced(at, 0, sections[at] as Section),
		() => sections.toSpliced(Math.floor(random() * (sections.length + 1)), 0, CUSTOM),
		() => [...sections.toSpliced(at, 1), sections[at] as Section],
	];
	return join(module, (mutations[Math.floor(random() * mutations.length)] as () => readonly Section[])());
}

const CUSTOM: Section = { id: 0, content: Uint8Array.of(1, 0x78, 1, 2, 3) };

function split(module: Uint8Array): Section[] {
	const sections: Section[] = [];
	for (let at = HEADER_BYTES; at < module.length; ) {
		const id = module[at] as number;
		let length = 0;
		at += 1;
		for (let shift = 0, more = true; more; shift += 7, at += 1) {
			length += ((module[at] as number) & 0x7f) * 2 ** shift;
			more = ((module[at] as number) & 0x80) !== 0;
		}
		sections.push({ id, content: module.subarray(at, at + length) });
		at += length;
	}
	return sections;
}

function join(module: Uint8Array, sections: readonly Section[]): Uint8Array {
	const parts = sections.flatMap(({ id, content }) => [Uint8Array.of(id, ...encodeU32(content.length)), content]);
	return Buffer.concat([module.subarray(0, HEADER_BYTES), ...parts]);
}
