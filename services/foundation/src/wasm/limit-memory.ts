// Writes the memory limit into the module itself. Extism's `maxPages` and the thread's resource limits do not bound the
// memory that a module grows by itself; the maximum in its memory section does, and nothing in the module can get past it.
import { encodeU32, replaceSection } from "./binary-writer.js";
import { ModuleFault } from "./module-fault.js";
import { readSections, SECTION, sectionReader } from "./read-sections.js";

/**
 * The same module with its memory's maximum set to `maxPages`, or to its own maximum when that is lower. A module without
 * a memory comes back unchanged.
 *
 * @throws ModuleFault `memory_refused` when its minimum is above the limit, or when it has several or odd memories
 */
export function limitMemory(bytes: Uint8Array, maxPages: number): Uint8Array {
	const section = readSections(bytes).find((candidate) => candidate.id === SECTION.memory);
	if (section === undefined) return bytes;
	const reader = sectionReader(bytes, section);
	const count = reader.u32();
	if (count === 0) return bytes;
	if (count > 1) throw new ModuleFault("memory_refused", "memory section", `${count} memories; at most one is allowed`);
	const flags = reader.byte();
	if (flags > 1) throw new ModuleFault("memory_refused", "memory section", "shared and 64-bit memories are not allowed");
	const min = reader.u32();
	const ownMax = flags === 1 ? reader.u32() : Number.POSITIVE_INFINITY;
	if (min > maxPages) {
		throw new ModuleFault("memory_refused", "memory section", `begins with ${min} pages; the limit is ${maxPages}`);
	}
	return replaceSection(bytes, SECTION.memory, [1, 1, ...encodeU32(min), ...encodeU32(Math.min(maxPages, ownMax))]);
}
