// Brings the keys of one tenant up to date, in steps that are one transaction each and can be done again: its data keys are wrapped
// with the current master key, a new one takes over when that is asked for or when there is none, what others sealed is sealed anew
// with it, and a route table with the result is published. A process that dies between or inside of them leaves a tenant of which
// everything can still be opened; the next rotation does what is left.
import { describeError, type MasterKeys, protectedHeader, type SecretBox, sealedWith } from "@hookbus/foundation";
import type { SealedSecret } from "@hookbus/schemas";
import type { Logger } from "pino";
import type { Actor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import type { Database, Queries } from "../database/database.js";
import { commitChange } from "../routing/commit-change.js";
import { lockTenant } from "../tenants/repository.js";
import { readKeyUsage } from "./key-usage.js";
import { addDataKey, currentDataKey, dataKeyRows, deleteDataKey, retireDataKey, saveWrapped } from "./repository.js";
import { placeOf, rowsNotSealedWith, SEALED_COLUMNS, type SealedColumn, type SealedRow, saveSecrets } from "./sealed-columns.js";
import { canUnwrap, ensureDataKey, TenantSecrets } from "./tenant-secrets.js";

export interface TenantRotationParts {
	readonly database: Database;
	readonly masterKeys: MasterKeys;
	readonly logger: Logger;
}

/** Rows of one transaction: the tenant is locked meanwhile. */
const ROWS_AT_ONCE = 50;
/** Passes over the rows; each further one because others changed some meanwhile. */
const PASSES = 3;

/**
 * @param actor of the tenant whose keys they are
 * @param options.dataKeys true: a new data key takes over, unless an earlier rotation still has to end
 * @throws CodedError `database_unavailable`, `route_table_too_large`
 */
export async function rotateTenant(
	parts: TenantRotationParts,
	actor: Actor,
	{ dataKeys }: { readonly dataKeys: boolean },
): Promise<void> {
	await renewKeys(parts, actor, dataKeys);
	for (let pass = 1, sealed = 1; pass <= PASSES && sealed > 0; pass += 1) {
		sealed = 0;
		for (const column of SEALED_COLUMNS) sealed += await sealColumnAnew(parts, actor, column);
	}
	await publishAnew(parts, actor);
}

/**
 * Deletes the tenant's retired keys that nothing was sealed with any more.
 *
 * @param applied revision that the whole fleet has taken; when the tenant has a newer one meanwhile, nothing is deleted yet
 * @throws CodedError `database_unavailable`
 */
export async function deleteUnusedKeys(
	{ database, masterKeys }: TenantRotationParts,
	actor: Actor,
	applied: number,
): Promise<void> {
	const { tenant } = actor;
	await database.of(tenant).transaction(async (queries) => {
		if ((await lockTenant(queries, tenant)) !== applied) return;
		const [usage] = await readKeyUsage(queries, masterKeys, tenant);
		if (usage?.isTableUnsent === true) return;
		for (const { id } of usage?.unused ?? []) {
			await deleteDataKey(queries, tenant, id);
			await recordAudit(queries, actor, { action: "keys.delete", target: id, detail: {} }, null);
		}
	});
}

async function renewKeys({ database, masterKeys }: TenantRotationParts, actor: Actor, dataKeys: boolean): Promise<void> {
	const { tenant } = actor;
	await database.of(tenant).transaction(async (queries) => {
		await lockTenant(queries, tenant);
		const [usage] = await readKeyUsage(queries, masterKeys, tenant);
		if (usage === undefined) return;
		const wrapped: string[] = [];
		let isUnfinished = false;
		for (const key of await dataKeyRows(queries, tenant)) {
			if (!(await canUnwrap(masterKeys, key))) continue;
			if (key.state === "retired") isUnfinished = true;
			if (sealedWith(key.wrapped) === masterKeys.current.id) continue;
			await saveWrapped(queries, tenant, await masterKeys.wrapAnew(tenant, key));
			wrapped.push(key.id);
		}
		const before = await currentDataKey(queries, tenant);
		if (dataKeys && !isUnfinished) {
			await retireDataKey(queries, tenant);
			await addDataKey(queries, tenant, await masterKeys.makeDataKey(tenant));
		}
		const current = await ensureDataKey(queries, masterKeys, tenant);
		const made = current.id === before?.id ? {} : { dataKey: current.id };
		if (wrapped.length === 0 && current.id === before?.id) return;
		const detail = { wrapped, ...made };
		await recordAudit(queries, actor, { action: "keys.renew", target: masterKeys.current.id, detail }, null);
	});
}

/** Returns how many values it sealed anew. One that cannot be opened stays as it is, and the rotation says so in the log. */
async function sealColumnAnew(parts: TenantRotationParts, actor: Actor, column: SealedColumn): Promise<number> {
	const { database, masterKeys, logger } = parts;
	const { tenant } = actor;
	let values = 0;
	for (let after: SealedRow | undefined, isMore = true; isMore; ) {
		const rows = await database.of(tenant).transaction(async (queries) => {
			await lockTenant(queries, tenant);
			const current = await currentDataKey(queries, tenant);
			if (current === undefined) return [];
			const header = protectedHeader(current.id);
			const found = await rowsNotSealedWith(queries, column, tenant, header, { after, limit: ROWS_AT_ONCE });
			const box = await new TenantSecrets(masterKeys).boxOf(queries, tenant);
			let sealed = 0;
			for (const row of found) sealed += await sealRowAnew(queries, { column, tenant, row, current: current.id, box, logger });
			if (sealed > 0) {
				await recordAudit(queries, actor, { action: "keys.seal_anew", target: current.id, detail: { values: sealed } }, null);
			}
			values += sealed;
			return found;
		});
		after = rows.at(-1);
		isMore = rows.length === ROWS_AT_ONCE;
	}
	return values;
}

interface RowToSeal {
	readonly column: SealedColumn;
	readonly tenant: string;
	readonly row: SealedRow;
	/** Id of the current data key. */
	readonly current: string;
	readonly box: SecretBox;
	readonly logger: Logger;
}

async function sealRowAnew(queries: Queries, { column, tenant, row, current, box, logger }: RowToSeal): Promise<number> {
	const secrets: Record<string, SealedSecret> = { ...row.secrets };
	let sealed = 0;
	for (const [field, value] of Object.entries(row.secrets)) {
		if (sealedWith(value) === current) continue;
		try {
			secrets[field] = await box.sealAnew(value, placeOf(tenant, row, field));
			sealed += 1;
		} catch (thrown) {
			logger.warn({ tenant, plugin: row.plugin, field, error: describeError(thrown) }, "a secret cannot be sealed anew");
		}
	}
	if (sealed > 0) await saveSecrets(queries, column, tenant, row, secrets);
	return sealed;
}

/** The table that is stored holds keys and values of before: a new one takes their place. */
async function publishAnew({ database, masterKeys }: TenantRotationParts, actor: Actor): Promise<void> {
	await commitChange(database, actor, async (queries) => {
		const [usage] = await readKeyUsage(queries, masterKeys, actor.tenant);
		const audit = { action: "keys.publish", target: masterKeys.current.id, detail: {} };
		return { result: undefined, audit: usage?.isTableOutdated === true ? audit : undefined };
	});
}
