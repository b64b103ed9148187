// Brings one compiled table to the bus: first the modules that it names, then the table, then the policy, so that a runtime
// that sees a table finds its modules. Every step can be repeated, by this process or another; none replaces a newer table
// by an older one, because each write names the version of the entry that it was decided on.

import type { Bus } from "@hookbus/foundation";
import { type KV, type KvEntry, NatsError, type ObjectStore } from "nats";
import { canonicalJson } from "../canonical-json.js";
import type { Snapshot } from "./outbox.js";

/** Reads a module's bytes from the database, or `undefined` when no version has this digest. */
export type LoadModule = (digest: string) => Promise<Uint8Array | undefined>;

/**
 * `published`: the bus holds this revision. `outdated`: it holds a higher one. `conflict`: it holds this number with other
 * content, which only happens after the database was restored from a backup.
 */
export type PublishOutcome = "published" | "outdated" | "conflict";

/** Stands with modules that were put for a replay: they leave when neither a replay nor a route table needs them. */
export const REPLAY_MODULE = "module of a replay";

/** Rejects when the bus cannot be reached or a module is missing from the database. */
export async function publishTable(bus: Bus, snapshot: Snapshot, loadModule: LoadModule): Promise<PublishOutcome> {
	for (const [digest, size] of modulesOf(snapshot)) await ensureModule(bus.modules, digest, size, loadModule);
	const outcome = await putNewer(bus.routes, snapshot.tenant, snapshot.revision, snapshot.table);
	if (outcome === "published") await putNewer(bus.policies, snapshot.tenant, snapshot.revision, snapshot.policy);
	return outcome;
}

function modulesOf({ table }: Snapshot): Map<string, number> {
	return new Map(Object.values(table.plugins).map(({ digest, size }) => [digest, size]));
}

/** Puts a module where it is missing or damaged. The store's own checksum is the SHA-256 that is also our digest. */
export async function ensureModule(
	store: ObjectStore,
	digest: string,
	size: number,
	loadModule: LoadModule,
	description = "module of a plugin version",
): Promise<void> {
	const info = await store.info(digest);
	const expected = `SHA-256=${Buffer.from(digest, "hex").toString("base64url")}`;
	if (info !== null && !info.deleted && info.size === size && sameChecksum(info.digest, expected)) return;
	const bytes = await loadModule(digest);
	if (bytes === undefined) throw new Error(`module ${digest} is in a route table and in no plugin version`);
	await store.putBlob({ name: digest, description }, bytes);
}

/** Base64url with or without padding. */
function sameChecksum(found: string, expected: string): boolean {
	return found.replace(/=+$/, "") === expected.replace(/=+$/, "");
}

/** Attempts before a contended key is left to the next run. */
const ATTEMPTS = 5;
const WRONG_LAST_SEQUENCE = 10071;

async function putNewer(bucket: KV, key: string, revision: number, value: unknown): Promise<PublishOutcome> {
	const bytes = Buffer.from(JSON.stringify(value));
	for (let attempt = 1; ; attempt += 1) {
		const entry = await bucket.get(key);
		const held = readHeld(entry);
		if (held !== undefined && held.revision > revision) return "outdated";
		if (held !== undefined && held.revision === revision) {
			return canonicalJson(held.value) === canonicalJson(value) ? "published" : "conflict";
		}
		try {
			// Deleted and unreadable entries are replaced like old ones; their version still guards against a race.
			if (entry === null) await bucket.create(key, bytes);
			else await bucket.update(key, bytes, entry.revision);
			return "published";
		} catch (thrown) {
			const raced = thrown instanceof NatsError && thrown.api_error?.err_code === WRONG_LAST_SEQUENCE;
			if (!raced || attempt >= ATTEMPTS) throw thrown;
		}
	}
}

/** What a bucket's entry holds; `undefined` when there is none or when it is not readable. */
export function readHeld(entry: KvEntry | null): { revision: number; value: unknown } | undefined {
	if (entry === null || entry.operation !== "PUT") return undefined;
	try {
		const value: unknown = entry.json();
		const revision = typeof value === "object" && value !== null ? (value as { revision?: unknown }).revision : undefined;
		return typeof revision === "number" && Number.isSafeInteger(revision) ? { revision, value } : undefined;
	} catch {
		// Not JSON: not ours, and no reason to keep it.
		return undefined;
	}
}
