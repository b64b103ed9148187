// Adds, refreshes and removes marketplace sources. A refreshed index is stored in one transaction, its recalls first and by the way
// of every change, so that what a marketplace takes back is out of service before anything else of the new index counts.
import { keyIdOf, type MarketplaceSource, type NewMarketplaceSource } from "@hookbus/schemas";
import { type Actor, systemActor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { disableRecalled } from "../recalls/declare-recall.js";
import { insertSignedRecalls } from "../recalls/repository.js";
import { commitChange } from "../routing/commit-change.js";
import { commitUnrouted } from "../routing/commit-unrouted.js";
import { newestOf } from "./newest-versions.js";
import { deleteSource, findSource, insertSource, replaceEntries, type SourceRow, saveIndexState } from "./repository.js";
import { fetchIndex, type IndexParts, requireNewer, type TakenIndex } from "./take-index.js";

export interface SourceParts extends IndexParts {
	readonly database: Database;
	/** Called when recalls of an index changed the route table. */
	readonly onChange: () => void;
}

/**
 * Adds a source, once its index was fetched and is good.
 *
 * @throws CodedError `market_source_exists`, and what `fetchIndex` throws
 */
export async function addSource(parts: SourceParts, actor: Actor, added: NewMarketplaceSource): Promise<SourceRow> {
	const { tenant } = actor;
	const { name, url, publicKey } = added;
	const refuseExisting = async (queries: Queries) => {
		if ((await findSource(queries, tenant, name)) === undefined) return;
		throw errors.market_source_exists(`there is a source ${name} already; remove it first, or choose another name`);
	};
	await parts.database.of(tenant).query(refuseExisting);
	const taken = await fetchIndex(parts, added);
	const source = await commitUnrouted(parts.database, actor, async (queries) => {
		await refuseExisting(queries);
		const row = await insertSource(queries, { tenant, name, url, publicKey, addedBy: actor.name, ...taken.state });
		await replaceEntries(queries, row.id, taken.index.plugins, newestOf(taken.index.plugins));
		const detail = { url, publicKey, number: taken.state.number };
		await recordAudit(queries, actor, { action: "marketplace.add", target: name, detail }, null);
		return row;
	});
	await takeRecalls(parts, source, taken);
	return source;
}

/**
 * Fetches the index of a source again and takes it, when it is newer.
 *
 * @throws CodedError `market_source_not_found` when it was removed meanwhile, `index_outdated`, and what `fetchIndex` throws
 */
export async function refreshSource(parts: SourceParts, source: SourceRow): Promise<SourceRow> {
	const taken = await fetchIndex(parts, source);
	requireNewer(source.name, source, taken.state);
	await takeRecalls(parts, source, taken);
	const { tenant, name } = source;
	const actor = systemActor(tenant);
	return await commitUnrouted(parts.database, actor, async (queries) => {
		// Another process may have taken a newer one while this one was fetched.
		const known = await requireSource(queries, tenant, name);
		requireNewer(name, known, taken.state);
		if (taken.state.number > known.number) {
			await replaceEntries(queries, known.id, taken.index.plugins, newestOf(taken.index.plugins));
			const detail = { from: known.number, to: taken.state.number };
			await recordAudit(queries, actor, { action: "marketplace.index", target: name, detail }, null);
		}
		await saveIndexState(queries, known.id, taken.state);
		return await requireSource(queries, tenant, name);
	});
}

async function takeRecalls({ database, onChange }: SourceParts, source: SourceRow, { index }: TakenIndex): Promise<void> {
	if (index.recalls.length === 0) return;
	const { tenant, name, publicKey } = source;
	const signer = keyIdOf(publicKey);
	const declared = index.recalls.map(({ digest, reason }) => ({
		tenant,
		everywhere: false,
		digest,
		plugin: null,
		versions: null,
		reason,
		signer,
		declaredBy: name,
	}));
	const { changed } = await commitChange(database, systemActor(tenant), async (queries, revision) => {
		const added = await insertSignedRecalls(queries, declared);
		if (added === 0) return { result: undefined, audit: undefined };
		const disabled = await disableRecalled(queries, tenant, revision);
		const detail = { signer, number: index.number, added, disabled };
		return { result: undefined, audit: { action: "recall.take", target: name, detail } };
	});
	if (changed) onChange();
}

/**
 * Removes a source. What was installed from it stays, and what it recalled stays recalled.
 *
 * @throws CodedError `market_source_not_found`
 */
export function removeSource(database: Database, actor: Actor, name: string): Promise<SourceRow> {
	const { tenant } = actor;
	return commitUnrouted(database, actor, async (queries) => {
		const source = await requireSource(queries, tenant, name);
		await deleteSource(queries, source.id);
		await recordAudit(queries, actor, { action: "marketplace.remove", target: name, detail: { url: source.url } }, null);
		return source;
	});
}

/** @throws CodedError `market_source_not_found` */
export async function requireSource(queries: Queries, tenant: string, name: string): Promise<SourceRow> {
	const source = await findSource(queries, tenant, name);
	if (source !== undefined) return source;
	throw errors.market_source_not_found(`there is no source ${name}; GET /api/v1/marketplace/sources lists those that there are`);
}

export function showSource(row: SourceRow): MarketplaceSource {
	const { id, name, url, publicKey, addedBy, title, number, lastError } = row;
	return {
		id,
		name,
		url,
		publicKey,
		keyId: keyIdOf(publicKey),
		addedAt: row.addedAt.toISOString(),
		addedBy,
		title,
		number,
		issuedAt: row.issuedAt.toISOString(),
		expiresAt: row.expiresAt.toISOString(),
		expired: row.expiresAt.getTime() <= Date.now(),
		fetchedAt: row.fetchedAt.toISOString(),
		...(lastError === null ? {} : { lastError }),
	};
}
