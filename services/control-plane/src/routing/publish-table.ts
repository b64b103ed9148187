// Brings one compiled table to the bus: first the modules that it names, then the table (a large one: its parts, then the entry that
// names them), then the policy, so that a runtime that sees a table finds its modules. Every step can be repeated, by this process or another; none replaces a newer table
// by an older one, because each write names the version of the entry that it was decided on.

import type { Bus } from "@hookbus/foundation";
import { type KV, type KvEntry, NatsError } from "nats";
import { canonicalJson } from "../canonical-json.js";
import type { ModulesOnBus } from "./modules-on-bus.js";
import type { Snapshot } from "./outbox.js";
import { modulesOf } from "./stored-table.js";

/**
 * `published`: the bus holds this revision. `outdated`: it holds a higher one. `conflict`: it holds this number with other
 * content, which only happens after the database was restored from a backup.
 */
export type PublishOutcome = "published" | "outdated" | "conflict";

/** Rejects when the bus cannot be reached or a module is missing from the database. */
export async function publishTable(bus: Bus, snapshot: Snapshot, modules: ModulesOnBus): Promise<PublishOutcome> {
	const { tenant, revision, policy, stored } = snapshot;
	await modules.ensure(bus.modules, tenant, modulesOf(stored));
	// The parts first: whoever sees the entry finds them.
	if (stored.packed !== undefined) await bus.tableParts.write(stored.packed);
	const outcome = await putNewer(bus.routes, tenant, revision, stored.packed?.entry ?? stored.table);
	if (outcome === "published") await putNewer(bus.policies, tenant, revision, policy);
	return outcome;
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
