// What marketplaces offer as REST shows it: entries of the indexes, with what this tenant knows about each.
import {
	type IndexEntry,
	type Manifest,
	type MarketplaceOffer,
	type MarketplacePlugin,
	type MarketplacePluginDetail,
	manifestFaults,
	type PluginUpdate,
} from "@hookbus/schemas";
import semver from "semver";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { readTrust, showRecalled, showSigner, type TrustView } from "../plugins/describe-plugin.js";
import { manifestDifferences } from "../plugins/manifest-differences.js";
import { currentVersions, listPlugins } from "../plugins/repository.js";
import { lookalikesOf } from "./lookalike-names.js";
import { byVersion } from "./newest-versions.js";
import { type OfferRow, offersOf } from "./repository.js";

/** What a tenant knows about plugins that are offered to it. */
interface OfferView extends TrustView {
	/** Version of each installed plugin. */
	readonly installed: ReadonlyMap<string, string>;
}

async function readView(queries: Queries, tenant: string): Promise<OfferView> {
	const installed = new Map((await listPlugins(queries, tenant)).map(({ name, version }) => [name, version]));
	return { ...(await readTrust(queries, tenant)), installed };
}

export async function showOffers(queries: Queries, tenant: string, offers: readonly OfferRow[]): Promise<MarketplacePlugin[]> {
	const view = await readView(queries, tenant);
	return offers.map((offer) => showOffer(offer, view));
}

function showOffer({ source, entry }: OfferRow, view: OfferView): MarketplacePlugin {
	const { name, version, description, category, tags, author, downloads, rating, digest, size, signature } = entry;
	const installed = view.installed.get(name);
	const lookalikes = installed === undefined ? lookalikesOf(name, view.installed.keys()) : [];
	return {
		marketId: marketIdOf(source.name, entry),
		source: source.name,
		name,
		version,
		description,
		...(category === undefined ? {} : { category }),
		tags,
		...(author === undefined ? {} : { author }),
		...(downloads === undefined ? {} : { downloads }),
		...(rating === undefined ? {} : { rating }),
		digest,
		size,
		...(signature === undefined ? {} : { signedBy: showSigner(signature.keyId, view) }),
		...(installed === undefined ? {} : { installed }),
		...(lookalikes.length === 0 ? {} : { lookalikes }),
		...showRecalled(view.recalls, { plugin: name, version, digest: entry.module }),
	};
}

function marketIdOf(source: string, { name, version }: Pick<IndexEntry, "name" | "version">): string {
	return `${source}/${name}@${version}`;
}

/** @throws CodedError `market_entry_not_found` */
export async function showOffersOf(queries: Queries, tenant: string, name: string): Promise<MarketplacePluginDetail> {
	const view = await readView(queries, tenant);
	const bySource = new Map<string, OfferRow[]>();
	for (const offer of await offersOf(queries, tenant, [name])) {
		bySource.set(offer.source.name, [...(bySource.get(offer.source.name) ?? []), offer]);
	}
	const offers = [...bySource].flatMap(([source, rows]): MarketplaceOffer[] => {
		const versions = byVersion(rows.map((row) => ({ ...row, version: row.entry.version })));
		const [newest] = versions;
		if (newest === undefined) return [];
		const { manifest } = newest.entry;
		return [{ ...showOffer(newest, view), manifest, versions: versions.map(({ entry }) => marketIdOf(source, entry)) }];
	});
	if (offers.length > 0) return { name, offers };
	throw errors.market_entry_not_found(`no source offers ${name}; GET /api/v1/marketplace/plugins lists what there is`);
}

/** Plugins that came from a source which has a newer version now, by plugin. */
export async function listUpdates(queries: Queries, tenant: string): Promise<PluginUpdate[]> {
	const { recalls } = await readTrust(queries, tenant);
	const current = [...(await currentVersions(queries, tenant))].filter(([, { origin }]) => origin !== null);
	const offers = await offersOf(
		queries,
		tenant,
		current.map(([name]) => name),
	);
	return current
		.flatMap(([plugin, version]): PluginUpdate[] => {
			const source = version.origin?.source;
			const entries = offers.filter((offer) => offer.entry.name === plugin && offer.source.name === source);
			const [newest] = byVersion(entries.map(({ entry }) => entry));
			if (newest === undefined || source === undefined || !semver.gt(newest.version, version.version)) return [];
			return [
				{
					plugin,
					version: version.version,
					available: newest.version,
					marketId: marketIdOf(source, newest),
					differences: differencesTo(version, newest),
					...showRecalled(recalls, { plugin, version: version.version, digest: version.digest }),
				},
			];
		})
		.sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
}

function differencesTo(before: { readonly manifest: Manifest; readonly digest: string }, { manifest, module }: IndexEntry) {
	const [fault] = manifestFaults(manifest);
	if (fault !== undefined)
		return [{ path: fault.path, message: `the manifest in the index is not valid here: ${fault.message}` }];
	return manifestDifferences(before, { manifest: manifest as unknown as Manifest, digest: module });
}
