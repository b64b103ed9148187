// Removes the parts of large tables that no entry on the bus names any more. Without it every change of a large tenant would leave
// its table there for good.
import type { Bus } from "@hookbus/foundation";
import { isPackedTable } from "@hookbus/schemas";
import { readHeld } from "./publish-table.js";

export class TableSweep {
	readonly #graceMs: number;
	/** Since when parts are not needed, performance.now(), by the name of their table. */
	readonly #unneeded = new Map<string, number>();

	/** @param graceMs milliseconds that parts stay after their entry was replaced: a runtime may still be reading them */
	constructor(graceMs: number) {
		this.#graceMs = graceMs;
	}

	/** @returns the tables that were removed, `<tenant>.<digest>` */
	async run({ routes, tableParts }: Pick<Bus, "routes" | "tableParts">): Promise<string[]> {
		const tables = await tableParts.list();
		const needed = new Set<string>();
		for (const tenant of new Set([...tables].map((table) => table.slice(0, table.lastIndexOf("."))))) {
			// An entry that was deleted or is not readable names no table; it must not stop the sweep of the others.
			const held = readHeld(await routes.get(tenant))?.value;
			if (isPackedTable(held)) needed.add(`${tenant}.${held.digest}`);
		}
		for (const table of this.#unneeded.keys()) if (!tables.has(table) || needed.has(table)) this.#unneeded.delete(table);
		const removed: string[] = [];
		for (const table of tables) {
			if (needed.has(table)) continue;
			const since = this.#unneeded.get(table) ?? performance.now();
			this.#unneeded.set(table, since);
			if (performance.now() - since < this.#graceMs) continue;
			await tableParts.remove(table);
			removed.push(table);
		}
		return removed;
	}
}
