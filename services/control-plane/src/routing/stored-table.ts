// A compiled table as the outbox stores it and the bus gets it: a small one as JSON, as ever, so that runtimes of every release read
// it; a large one compressed, once, together with what the publisher and REST have to know of it without unpacking it.
import { type PackedDocument, packTable, writeLines } from "@hookbus/foundation";
import { MAX_ROUTE_TABLE_BYTES, type RouteTable, type SealedSecret } from "@hookbus/schemas";
import { errors } from "../errors.js";

/** Largest table in bytes of JSON that goes to the bus as it is. NATS takes messages of 1 MiB by default. */
export const MAX_PLAIN_TABLE_BYTES = 1_000_000;

export interface TableContents {
	/** Bytes of each module by its digest. */
	readonly modules: Readonly<Record<string, number>>;
	/** Names of the plugins. */
	readonly plugins: readonly string[];
	/** How many secrets were sealed with which key, by the protected header of their seal. */
	readonly sealed: Readonly<Record<string, number>>;
	/** How many data keys were wrapped with which key, likewise. */
	readonly wrapped: Readonly<Record<string, number>>;
}

export type StoredTable =
	| { readonly table: RouteTable; readonly packed?: undefined }
	| { readonly table?: undefined; readonly packed: PackedDocument; readonly contents: TableContents };

/** @throws CodedError `route_table_too_large` */
export async function storeTable(table: RouteTable): Promise<StoredTable> {
	const lines = await writeLines(table);
	// The lines name their place each, so they are longer than the same table as one JSON text, but never twice as long.
	if (lines.bytes <= 2 * MAX_PLAIN_TABLE_BYTES && Buffer.byteLength(JSON.stringify(table)) <= MAX_PLAIN_TABLE_BYTES)
		return { table };
	if (lines.bytes > MAX_ROUTE_TABLE_BYTES) throw tooLarge(table, lines.bytes);
	const plugins = Object.values(table.plugins);
	return {
		packed: await packTable(table, lines),
		contents: {
			modules: Object.fromEntries(plugins.map(({ digest, size }) => [digest, size])),
			plugins: [...new Set(plugins.map(({ name }) => name))],
			sealed: countByHeader([...plugins, ...Object.values(table.userConfigs ?? {}).flat()].flatMap(secretsOf)),
			wrapped: countByHeader(Object.values(table.dataKeys ?? {})),
		},
	};
}

function secretsOf({ secrets }: { readonly secrets: Readonly<Record<string, SealedSecret>> }): SealedSecret[] {
	return Object.values(secrets);
}

function countByHeader(sealed: readonly SealedSecret[]): Record<string, number> {
	const counts = new Map<string, number>();
	for (const { jwe } of sealed) {
		const header = String(jwe["protected"]);
		counts.set(header, (counts.get(header) ?? 0) + 1);
	}
	return Object.fromEntries(counts);
}

/** Modules that runtimes need for the table, with their bytes. */
export function modulesOf(stored: StoredTable): Map<string, number> {
	if (stored.packed !== undefined) return new Map(Object.entries(stored.contents.modules));
	return new Map(Object.values(stored.table.plugins).map(({ digest, size }) => [digest, size]));
}

function tooLarge({ tenant, plugins, userConfigs = {} }: RouteTable, size: number) {
	const users = Object.entries(userConfigs).map(([key, own]): [string, unknown] => [`users' own for ${key}`, own]);
	const [largest] = [...Object.entries<unknown>(plugins), ...users]
		.map(([key, part]) => ({ key, size: Buffer.byteLength(JSON.stringify(part)) }))
		.sort((a, b) => b.size - a.size);
	return errors.route_table_too_large(
		`with this change the route table of tenant ${tenant} would have ${size} bytes; at most ${MAX_ROUTE_TABLE_BYTES} are taken over by runtimes. ` +
			`Largest in it: ${largest?.key ?? "the bindings"} (${largest?.size ?? size} bytes); shorten its tools or configuration, or bind fewer assistants`,
	);
}
