// Fetches the index of a marketplace and decides whether it may replace the one that is known. Refused are: what the pinned key did
// not sign, what is over its time, and what is older than what was seen before, or another one of the same number. Together they
// leave whoever stands between us and the publisher nothing but to be silent, and that shows when the index expires.
import type { MarketplaceIndex } from "@hookbus/schemas";
import { MAX_INDEX_BYTES } from "@hookbus/schemas";
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";
import type { FileFetcher } from "./fetch-file.js";
import type { IndexState } from "./repository.js";

/** Milliseconds to fetch an index. */
const FETCH_MS = 20_000;
/** Milliseconds to read, check and verify one. */
const READ_MS = 20_000;
/** Milliseconds that the publisher's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

export interface TakenIndex {
	readonly index: MarketplaceIndex;
	readonly state: IndexState;
}

export interface IndexParts {
	readonly fetcher: FileFetcher;
	readonly checkThreads: CheckThreads;
}

/**
 * @throws CodedError `market_…`, `index_invalid`, `index_signature_invalid`, `index_expired`
 */
export async function fetchIndex(
	{ fetcher, checkThreads }: IndexParts,
	{ url, publicKey }: { readonly url: string; readonly publicKey: string },
): Promise<TakenIndex> {
	const bytes = await fetcher.fetch(url, { maxBytes: MAX_INDEX_BYTES, timeoutMs: FETCH_MS });
	const checked = await checkThreads.run({ type: "read_index", text: bytes.toString("utf8"), publicKey }, READ_MS);
	if (!checked.ok) throw errors.index_invalid(`${url} cannot be read as an index: ${checked.why}`);
	const { answer } = checked;
	if ("fault" in answer) throw errors.index_invalid(`${url} is no index of a marketplace: ${answer.fault}`);
	if ("unsigned" in answer) {
		throw errors.index_signature_invalid(
			`${url} is not signed with the key of this source; if its publisher changed the key, remove the source and add it with the new one`,
		);
	}
	const { index, digest } = answer;
	const [issuedAt, expiresAt] = [new Date(index.issuedAt), new Date(index.expiresAt)];
	if (Number.isNaN(issuedAt.getTime()) || Number.isNaN(expiresAt.getTime()) || issuedAt >= expiresAt) {
		throw errors.index_invalid(`${url}: issuedAt ${index.issuedAt} and expiresAt ${index.expiresAt} are no span of time`);
	}
	if (issuedAt.getTime() > Date.now() + CLOCK_SKEW_MS) {
		throw errors.index_invalid(`${url} was issued at ${index.issuedAt}, which is in the future; look at both clocks`);
	}
	requireCurrent(url, expiresAt);
	return { index, state: { title: index.name, number: index.number, digest, issuedAt, expiresAt } };
}

/** @throws CodedError `index_expired` */
export function requireCurrent(what: string, expiresAt: Date): void {
	if (expiresAt.getTime() > Date.now()) return;
	throw errors.index_expired(
		`the index of ${what} expired at ${expiresAt.toISOString()}; its publisher has to issue a new one, or somebody keeps the new one from us`,
	);
}

/**
 * @param known of the index that was taken before
 * @throws CodedError `index_outdated`
 */
export function requireNewer(what: string, known: Pick<IndexState, "number" | "digest">, found: IndexState): void {
	if (found.number > known.number) return;
	if (found.number === known.number && found.digest === known.digest) return;
	const why =
		found.number < known.number
			? `has number ${found.number}, and number ${known.number} was seen already: it is an old one`
			: `has number ${found.number} like the one that was seen before, and says something else`;
	throw errors.index_outdated(`the index of ${what} ${why}; it is refused, and the one that is known stays`);
}
