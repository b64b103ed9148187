// Queries on marketplace sources and on what their newest indexes offer.
import type { IndexEntry } from "@hookbus/schemas";
import { and, eq, gt, inArray, like, or, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { marketplaceEntries, marketplaceSources } from "../database/tables/index.js";

export interface SourceRow {
	readonly id: string;
	readonly tenant: string;
	readonly name: string;
	readonly url: string;
	readonly publicKey: string;
	readonly addedAt: Date;
	readonly addedBy: string;
	readonly title: string;
	/** Of the newest index that was taken. */
	readonly number: number;
	/** SHA-256 of its canonical JSON, hex. */
	readonly digest: string;
	readonly issuedAt: Date;
	readonly expiresAt: Date;
	readonly fetchedAt: Date;
	readonly lastError: string | null;
}

/** What is known of an index that was taken. */
export type IndexState = Pick<SourceRow, "title" | "number" | "digest" | "issuedAt" | "expiresAt">;

export async function insertSource(
	queries: Queries,
	added: Pick<SourceRow, "tenant" | "name" | "url" | "publicKey" | "addedBy"> & IndexState,
): Promise<SourceRow> {
	const [row] = await queries.insert(marketplaceSources).values(added).returning();
	if (row === undefined) throw new Error("the inserted source did not come back");
	return row;
}

/** By name. */
export async function listSources(queries: Queries, tenant: string): Promise<SourceRow[]> {
	return await queries
		.select()
		.from(marketplaceSources)
		.where(eq(marketplaceSources.tenant, tenant))
		.orderBy(marketplaceSources.name);
}

/** Of every tenant. */
export async function allSources(queries: Queries): Promise<SourceRow[]> {
	return await queries.select().from(marketplaceSources).orderBy(marketplaceSources.tenant, marketplaceSources.name);
}

export async function findSource(queries: Queries, tenant: string, name: string): Promise<SourceRow | undefined> {
	const [row] = await queries
		.select()
		.from(marketplaceSources)
		.where(and(eq(marketplaceSources.tenant, tenant), eq(marketplaceSources.name, name)));
	return row;
}

/** With all that it offers. */
export async function deleteSource(queries: Queries, id: string): Promise<void> {
	await queries.delete(marketplaceSources).where(eq(marketplaceSources.id, id));
}

export async function saveIndexState(queries: Queries, id: string, state: IndexState): Promise<void> {
	await queries
		.update(marketplaceSources)
		.set({ ...state, fetchedAt: sql`now()`, lastError: null })
		.where(eq(marketplaceSources.id, id));
}

export async function saveFetchError(queries: Queries, id: string, lastError: string): Promise<void> {
	await queries.update(marketplaceSources).set({ lastError }).where(eq(marketplaceSources.id, id));
}

/** Rows of one INSERT; a statement takes 65,535 parameters. */
const ROWS_AT_ONCE = 1_000;

/** Offers exactly this from now on. @param newest entries that are the newest of their plugin */
export async function replaceEntries(
	queries: Queries,
	source: string,
	entries: readonly IndexEntry[],
	newest: ReadonlySet<IndexEntry>,
): Promise<void> {
	await queries.delete(marketplaceEntries).where(eq(marketplaceEntries.source, source));
	const rows = entries.map((entry) => ({
		source,
		name: entry.name,
		version: entry.version,
		newest: newest.has(entry),
		category: entry.category ?? null,
		words: [entry.name, entry.description, entry.author ?? "", entry.category ?? "", ...entry.tags].join("\n").toLowerCase(),
		entry,
	}));
	for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
		await queries.insert(marketplaceEntries).values(rows.slice(at, at + ROWS_AT_ONCE));
	}
}

export interface OfferRow {
	readonly source: SourceRow;
	readonly entry: IndexEntry;
}

export interface OfferFilter {
	readonly category?: string | undefined;
	readonly tag?: string | undefined;
	/** Somewhere in name, description, author, category or tags; case does not matter. */
	readonly text?: string | undefined;
	/** Name of the source. */
	readonly source?: string | undefined;
}

/** The last plugin of the page before. */
export interface OfferPlace {
	readonly name: string;
	readonly source: string;
}

/** The newest version of each plugin of each source, by name and source. */
export async function pageOffers(
	queries: Queries,
	tenant: string,
	{ category, tag, text, source }: OfferFilter,
	limit: number,
	after: OfferPlace | undefined,
): Promise<OfferRow[]> {
	const { name } = marketplaceEntries;
	const sourceName = marketplaceSources.name;
	return await queries
		.select({ source: marketplaceSources, entry: marketplaceEntries.entry })
		.from(marketplaceEntries)
		.innerJoin(marketplaceSources, eq(marketplaceSources.id, marketplaceEntries.source))
		.where(
			and(
				eq(marketplaceSources.tenant, tenant),
				eq(marketplaceEntries.newest, true),
				category === undefined ? undefined : eq(marketplaceEntries.category, category),
				source === undefined ? undefined : eq(sourceName, source),
				tag === undefined ? undefined : sql`${marketplaceEntries.entry} -> 'tags' @> ${JSON.stringify([tag])}::jsonb`,
				text === undefined ? undefined : like(marketplaceEntries.words, `%${escapeLike(text.toLowerCase())}%`),
				after === undefined ? undefined : or(gt(name, after.name), and(eq(name, after.name), gt(sourceName, after.source))),
			),
		)
		.orderBy(name, sourceName)
		.limit(limit);
}

function escapeLike(text: string): string {
	return text.replace(/[\\%_]/g, "\\$&");
}

/** Every version of these plugins in every source of the tenant. */
export async function offersOf(queries: Queries, tenant: string, names: readonly string[]): Promise<OfferRow[]> {
	if (names.length === 0) return [];
	return await queries
		.select({ source: marketplaceSources, entry: marketplaceEntries.entry })
		.from(marketplaceEntries)
		.innerJoin(marketplaceSources, eq(marketplaceSources.id, marketplaceEntries.source))
		.where(and(eq(marketplaceSources.tenant, tenant), inArray(marketplaceEntries.name, [...names])))
		.orderBy(marketplaceEntries.name, marketplaceSources.name);
}
