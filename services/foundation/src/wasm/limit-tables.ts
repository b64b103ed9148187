// Writes a maximum into each table of a module. Without one a plugin can grow a table by ten million elements, 80 MB that no
// limit of the thread counts; the maximum in the table section cannot be passed.
import { encodeU32, encodeVector, replaceSection } from "./binary-writer.js";
import { inspectModule } from "./inspect-module.js";
import { ModuleFault } from "./module-fault.js";
import { SECTION } from "./read-sections.js";
import { VALUE_TYPE_CODES } from "./value-types.js";

/** Most elements of one table. */
export const MAX_TABLE_ELEMENTS = 65_536;

/**
 * The same module with the maximum of every table set to `MAX_TABLE_ELEMENTS`, or to its own when that is lower. A module without
 * tables comes back unchanged.
 *
 * @throws ModuleFault when the bytes are no readable module, `memory_refused` when a table begins with more elements
 */
export function limitTables(bytes: Uint8Array): Uint8Array {
	const { tables } = inspectModule(bytes);
	if (tables.length === 0) return bytes;
	const limited = tables.map(({ type, minElements, maxElements }) => {
		if (minElements > MAX_TABLE_ELEMENTS) throw tableTooLarge(minElements);
		const max = Math.min(maxElements ?? MAX_TABLE_ELEMENTS, MAX_TABLE_ELEMENTS);
		return [VALUE_TYPE_CODES[type], 1, ...encodeU32(minElements), ...encodeU32(max)];
	});
	return replaceSection(bytes, SECTION.table, encodeVector(limited));
}

/** The fault of a table that begins with more elements than a table may have. */
export function tableTooLarge(minElements: number): ModuleFault {
	const rule = `a table begins with ${minElements} elements; at most ${MAX_TABLE_ELEMENTS} are allowed`;
	return new ModuleFault("memory_refused", "table section", rule);
}
