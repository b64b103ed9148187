// Fetches the package that a market id names, as the newest index describes it: an entry that is there, in an index that is not over
// its time, and a file of exactly this size and digest.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type IndexEntry, sha256Of, type VersionOrigin } from "@hookbus/schemas";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { requireSource } from "./change-sources.js";
import type { FileFetcher } from "./fetch-file.js";
import { byVersion } from "./newest-versions.js";
import { type OfferRow, offersOf } from "./repository.js";
import { requireCurrent } from "./take-index.js";

/** Milliseconds to fetch a package. */
const FETCH_MS = 60_000;

export interface FetchedOffer {
	/** The package file. */
	readonly path: string;
	readonly entry: IndexEntry;
	readonly origin: VersionOrigin;
}

export interface OfferParts {
	readonly database: Database;
	readonly fetcher: FileFetcher;
	/** Largest package file in bytes. */
	readonly maxUploadBytes: number;
}

/**
 * @param directory where the file is put
 * @throws CodedError `market_source_not_found`, `market_entry_not_found`, `index_expired`, `upload_too_large`, `digest_mismatch`, `market_…`
 */
export async function fetchOffer(parts: OfferParts, tenant: string, marketId: string, directory: string): Promise<FetchedOffer> {
	const { source, entry } = await parts.database.of(tenant).query((queries) => findOffer(queries, tenant, marketId));
	requireCurrent(`source ${source.name}`, source.expiresAt);
	if (entry.size > parts.maxUploadBytes) {
		throw errors.upload_too_large(`${marketId} has ${entry.size} bytes; at most ${parts.maxUploadBytes} are taken`);
	}
	const url = URL.canParse(entry.url, source.url) ? new URL(entry.url, source.url).href : entry.url;
	const bytes = await parts.fetcher.fetch(url, { maxBytes: entry.size, timeoutMs: FETCH_MS });
	const digest = sha256Of(bytes);
	if (digest !== entry.digest) {
		throw errors.digest_mismatch(
			`the package of ${marketId} has SHA-256 ${digest} and ${bytes.length} bytes; its index says ${entry.digest} and ${entry.size} bytes`,
		);
	}
	const path = join(directory, "upload");
	await writeFile(path, bytes, { mode: 0o600 });
	return { path, entry, origin: { source: source.name, marketId: `${source.name}/${entry.name}@${entry.version}` } };
}

async function findOffer(queries: Parameters<typeof requireSource>[0], tenant: string, marketId: string): Promise<OfferRow> {
	const [sourceName = "", rest = ""] = marketId.split("/");
	const [name = "", version] = rest.split(/@(.*)/s);
	await requireSource(queries, tenant, sourceName);
	const offers = (await offersOf(queries, tenant, [name])).filter(({ source }) => source.name === sourceName);
	const wanted =
		version === undefined
			? byVersion(offers.map((offer) => ({ ...offer, version: offer.entry.version })))[0]
			: offers.find(({ entry }) => entry.version === version);
	if (wanted !== undefined) return wanted;
	throw errors.market_entry_not_found(
		`source ${sourceName} does not offer ${rest}; GET /api/v1/marketplace/plugins lists what there is`,
	);
}
