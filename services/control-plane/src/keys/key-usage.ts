// Which keys are still needed, as the database says: what was sealed or wrapped with a key that is not the current one any more, in
// rows and in stored route tables. Whoever takes a master key away, or deletes a data key, asks here first.
import { type MasterKeys, protectedHeader, sealedWith } from "@hookbus/foundation";
import { isNull } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { outbox } from "../database/tables/outbox.js";
import { type DataKeyRow, dataKeyRows } from "./repository.js";
import { countSealed, countSealedInTables, countWrappedInTables, type SealedCount } from "./sealed-columns.js";
import { canUnwrap } from "./tenant-secrets.js";

export interface TenantKeyUsage {
	readonly tenant: string;
	readonly keys: readonly DataKeyRow[];
	/** Data keys that another than the current master key wrapped, and that can be unwrapped. */
	readonly wrappedBefore: number;
	/** Values that another than the current data key sealed, and that can be opened as far as their key goes. */
	readonly sealedBefore: number;
	/** Values whose key nobody here has. */
	readonly unreadable: number;
	/** True: the newest route table holds what one of the two above counts. */
	readonly isTableOutdated: boolean;
	/** True: the newest route table is not on the bus yet. */
	readonly isTableUnsent: boolean;
	/** Retired keys that nothing in rows and in the newest route table was sealed with. */
	readonly unused: readonly DataKeyRow[];
}

/** Of every tenant that has a data key or something sealed, or of one; in a transaction with its lock it stays true. */
export async function readKeyUsage(queries: Queries, master: MasterKeys, tenant?: string): Promise<TenantKeyUsage[]> {
	const keys = byTenant(await dataKeyRows(queries, tenant));
	const rows = byTenant(await countSealed(queries, tenant));
	const inTables = byTenant(await countSealedInTables(queries, tenant));
	const wrapped = byTenant(await countWrappedInTables(queries, tenant));
	const unsent = byTenant(await queries.select({ tenant: outbox.tenant }).from(outbox).where(isNull(outbox.sentAt)));
	const usage: TenantKeyUsage[] = [];
	for (const name of [...new Set([...keys.keys(), ...rows.keys(), ...inTables.keys()])].sort()) {
		const found = {
			keys: keys.get(name) ?? [],
			rows: rows.get(name) ?? [],
			inTables: inTables.get(name) ?? [],
			wrapped: wrapped.get(name) ?? [],
			isUnsent: unsent.has(name),
		};
		usage.push(await usageOf(name, found, master));
	}
	return usage;
}

function byTenant<Row extends { readonly tenant: string }>(rows: readonly Row[]): Map<string, Row[]> {
	const map = new Map<string, Row[]>();
	for (const row of rows) map.set(row.tenant, [...(map.get(row.tenant) ?? []), row]);
	return map;
}

interface Found {
	readonly keys: readonly DataKeyRow[];
	readonly rows: readonly SealedCount[];
	readonly inTables: readonly SealedCount[];
	readonly wrapped: readonly SealedCount[];
	readonly isUnsent: boolean;
}

async function usageOf(tenant: string, found: Found, master: MasterKeys): Promise<TenantKeyUsage> {
	const usable: DataKeyRow[] = [];
	for (const key of found.keys) if (await canUnwrap(master, key)) usable.push(key);
	const masters = [master.current, ...(master.previous === undefined ? [] : [master.previous])].map(({ id }) => id);
	const current = found.keys.find(({ state }) => state === "current");
	const opening = new Set([...usable.map(({ id }) => id), ...masters].map(protectedHeader));
	const isBefore = ({ header }: SealedCount) =>
		header !== null && opening.has(header) && header !== (current && protectedHeader(current.id));
	const isWrappedBefore = ({ header }: SealedCount) =>
		header !== protectedHeader(master.current.id) && masters.some((id) => header === protectedHeader(id));
	const used = new Set([...found.rows, ...found.inTables].map(({ header }) => header));
	return {
		tenant,
		keys: found.keys,
		wrappedBefore: usable.filter(({ wrapped }) => sealedWith(wrapped) !== master.current.id).length,
		sealedBefore: sum(found.rows.filter(isBefore)),
		unreadable: sum(found.rows.filter(({ header }) => header === null || !opening.has(header))),
		isTableOutdated: found.inTables.some(isBefore) || found.wrapped.some(isWrappedBefore),
		isTableUnsent: found.isUnsent,
		unused: found.keys.filter(({ state, id }) => state === "retired" && !used.has(protectedHeader(id))),
	};
}

function sum(counts: readonly SealedCount[]): number {
	return counts.reduce((total, { count }) => total + count, 0);
}
