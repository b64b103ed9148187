// Route tables of many bindings, and how the control plane puts such a table on the bus.
import { type Bus, packTable, writeLines } from "@hookbus/foundation";
import { HOOK_NAMES, type HookName, type RoutedPlugin, type RouteStep, type RouteTable } from "@hookbus/schemas";
import { moduleReturning } from "./module-returning.js";
import { buildTable, type TestPlugin } from "./route-tables.js";

export interface LargeTableOptions {
	readonly tenant: string;
	readonly revision: number;
	/** Bound to every assistant, on every hook of `hooks`; their own bindings are not looked at. */
	readonly plugins: readonly Omit<TestPlugin, "bindings">[];
	readonly assistants: number;
	/** Default: all four. */
	readonly hooks?: readonly HookName[];
}

/** Name of an assistant of a large table. */
export function assistantName(index: number): string {
	return `assistant-${index}`;
}

/**
 * A table with `plugins × assistants` bindings. No two assistants have the same chain, and none has it in another revision, so that
 * nothing is saved by what they have in common.
 */
export function largeTable({ tenant, revision, plugins, assistants, hooks = HOOK_NAMES }: LargeTableOptions): RouteTable {
	const table = buildTable(
		tenant,
		revision,
		plugins.map((plugin) => ({ ...plugin, bindings: [] })),
	);
	const names = Object.values(table.plugins);
	for (const hook of hooks) {
		table.hooks[hook] = {
			assistants: Object.fromEntries(
				Array.from({ length: assistants }, (_, index) => [
					assistantName(index),
					names.map((plugin, place) => step(hook, plugin, (revision * assistants + index) * names.length + place)),
				]),
			),
		};
	}
	return table;
}

function step(hook: HookName, { name }: RoutedPlugin, order: number): RouteStep {
	const effect = hook === "on_after_response" ? "observe" : "gate";
	return { plugin: name, effect, mode: "enforce", onError: "open", order, timeoutMs: 5_000, paths: [] };
}

/** A module for any chain: it lets everything pass. */
export function everyHookModule(): Promise<Uint8Array> {
	return moduleReturning(Object.fromEntries(HOOK_NAMES.map((hook) => [hook, { action: "continue" }])));
}

/**
 * Puts the table on the bus in parts, as the control plane does with one that is too large for a message.
 *
 * @param damaged the parts hold something else than what the entry says
 */
export async function putPacked(
	bus: Pick<Bus, "routes" | "tableParts">,
	table: RouteTable,
	{ damaged = false }: { readonly damaged?: boolean } = {},
): Promise<void> {
	const packed = await packTable(table, await writeLines(table));
	await bus.tableParts.write(damaged ? { ...packed, content: packed.content.map((byte) => byte ^ 1) } : packed);
	await bus.routes.put(table.tenant, JSON.stringify(packed.entry));
}
