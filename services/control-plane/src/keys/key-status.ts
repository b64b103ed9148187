// What a rotation of keys has still to do, in the whole deployment: from the database what rows and tables hold, from the heartbeats
// which runtimes run an older table. Whoever takes the previous master key away relies on it.
import type { MasterKeys } from "@hookbus/foundation";
import type { KeyRotation, KeyStatus } from "@hookbus/schemas";
import type { Database } from "../database/database.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { listTenants } from "../tenants/repository.js";
import { readKeyUsage, type TenantKeyUsage } from "./key-usage.js";
import { canUnwrap } from "./tenant-secrets.js";

export interface KeyStatusParts {
	readonly database: Database;
	readonly masterKeys: MasterKeys;
	readonly fleet: Pick<RuntimeFleet, "stand">;
}

/** What is left of one tenant, with how the fleet stands to its newest table. */
export interface TenantLeft {
	readonly usage: TenantKeyUsage;
	/** Of the newest route table; 0: there is none. */
	readonly revision: number;
	/** Ids of runtimes that have not taken it; `*` while it is not known which run. */
	readonly behind: readonly string[];
	/** Retired keys that can be unwrapped: rotation can make them unused. */
	readonly retired: number;
	/** True: a rotation has still something to do here. */
	readonly isLeft: boolean;
}

/** Of every tenant that has a data key or something sealed. Throws CodedError `database_unavailable`. */
export async function readTenantsLeft({ database, masterKeys, fleet }: KeyStatusParts): Promise<TenantLeft[]> {
	const found = await database.acrossTenants.query(async (queries) => ({
		tenants: await listTenants(queries),
		usages: await readKeyUsage(queries, masterKeys),
	}));
	const revisions = new Map(found.tenants.map(({ id, revision }) => [id, revision]));
	return await Promise.all(
		found.usages.map(async (usage) => {
			const revision = revisions.get(usage.tenant) ?? 0;
			const { known, behind: late } = fleet.stand(usage.tenant, revision);
			const behind = revision === 0 ? [] : known ? late.map(({ id }) => id) : ["*"];
			let retired = 0;
			for (const key of usage.keys) if (key.state === "retired" && (await canUnwrap(masterKeys, key))) retired += 1;
			const open = usage.wrappedBefore + usage.sealedBefore + retired + usage.unused.length + behind.length;
			return { usage, revision, behind, retired, isLeft: open > 0 || usage.isTableOutdated || usage.isTableUnsent };
		}),
	);
}

const MAX_TENANTS = 100;

/** Throws CodedError `database_unavailable`. */
export async function readKeyStatus(parts: KeyStatusParts, rotation: KeyRotation | undefined): Promise<KeyStatus> {
	const { current, previous } = parts.masterKeys;
	const tenants = await readTenantsLeft(parts);
	const sum = (countOf: (left: TenantLeft) => number) => tenants.reduce((total, left) => total + countOf(left), 0);
	const open = tenants.filter(({ isLeft }) => isLeft);
	return {
		masterKey: current.id,
		...(previous === undefined ? {} : { previousMasterKey: previous.id }),
		dataKeys: sum(({ usage }) => usage.keys.length),
		done: open.length === 0,
		left: {
			dataKeys: sum(({ usage }) => usage.wrappedBefore),
			values: sum(({ usage }) => usage.sealedBefore),
			retiredKeys: sum(({ retired }) => retired),
			tables: tenants.filter(({ usage }) => usage.isTableOutdated || usage.isTableUnsent).length,
			runtimes: [...new Set(tenants.flatMap(({ behind }) => behind))].sort(),
			tenants: open.slice(0, MAX_TENANTS).map(({ usage }) => usage.tenant),
		},
		unreadable: sum(({ usage }) => usage.unreadable),
		...(rotation === undefined ? {} : { rotation }),
	};
}
