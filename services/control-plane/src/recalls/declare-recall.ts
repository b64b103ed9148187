// Declares and lifts recalls. What a recall takes out of service goes the way of every change: rows, route table and audit row in
// one transaction for each tenant. The compiler leaves recalled versions out as well, so that a crash between two tenants, or a
// change that crosses, cannot put one into a table again.
import type { DisabledByRecall, NewRecall } from "@hookbus/schemas";
import semver from "semver";
import { type Actor, systemActor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { currentVersions, listPlugins, updatePlugin } from "../plugins/repository.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { allTenants, DEFAULT_TENANT } from "../tenants/repository.js";
import { matchRecall } from "./match-recall.js";
import { activeRecalls, findRecall, insertRecall, liftRecall, type RecallRow } from "./repository.js";

export interface DeclaredRecall {
	readonly recall: RecallRow;
	/** In the tenant that declared it. */
	readonly disabled: readonly DisabledByRecall[];
}

/**
 * Recalls versions and disables every plugin that runs one of them, in this tenant or in all.
 *
 * @throws CodedError `request_invalid`, `role_missing`
 */
export async function declareRecall(database: Database, actor: Actor, body: NewRecall): Promise<Committed<DeclaredRecall>> {
	const { tenant } = actor;
	const what = whatIsRecalled(body);
	const everywhere = body.everywhere ?? false;
	if (everywhere && tenant !== DEFAULT_TENANT) {
		throw errors.role_missing(
			`a recall in every tenant is declared by admins of the tenant ${DEFAULT_TENANT}, whose service this is; leave everywhere out`,
		);
	}
	const committed = await commitChange(database, actor, async (queries, revision) => {
		const recall = await insertRecall(queries, { tenant, everywhere, reason: body.reason, declaredBy: actor.name, ...what });
		const disabled = await disableRecalled(queries, tenant, revision);
		const detail = { ...what, everywhere, reason: body.reason, disabled };
		return { result: { recall, disabled }, audit: { action: "recall.declare", target: recall.id, detail } };
	});
	if (everywhere) await applyRecalls(database, tenant);
	return committed;
}

function whatIsRecalled({ digest, plugin, versions }: NewRecall): Pick<RecallRow, "digest" | "plugin" | "versions"> {
	const fault = (path: string, message: string) => errors.request_invalid(`${path}: ${message}`, { errors: [{ path, message }] });
	if (digest !== undefined) {
		if (plugin !== undefined || versions !== undefined)
			throw fault("/digest", "a recall names a digest, or a plugin with versions");
		return { digest, plugin: null, versions: null };
	}
	if (plugin === undefined) throw fault("/plugin", "a recall names a digest, or a plugin with versions");
	const range = versions ?? "*";
	if (semver.validRange(range) === null) throw fault("/versions", `${JSON.stringify(range)} is no semver range`);
	return { digest: null, plugin, versions: range };
}

/**
 * Disables in every tenant what is recalled and enabled still. Doing it again changes nothing.
 *
 * @param except the tenant in which that was done
 */
export async function applyRecalls(database: Database, except?: string): Promise<void> {
	for (const tenant of await database.acrossTenants.query(allTenants)) {
		if (tenant === except || (await database.of(tenant).query((queries) => listRecalled(queries, tenant))).length === 0) continue;
		await commitChange(database, systemActor(tenant), async (queries, revision) => {
			const disabled = await disableRecalled(queries, tenant, revision);
			const audit = { action: "recall.apply", target: tenant, detail: { disabled } };
			return { result: undefined, audit: disabled.length === 0 ? undefined : audit };
		});
	}
}

/** Disables what is enabled in a version that was recalled, and says what that was. */
export async function disableRecalled(queries: Queries, tenant: string, changedRevision: number): Promise<DisabledByRecall[]> {
	const recalled = await listRecalled(queries, tenant);
	for (const { plugin } of recalled) await updatePlugin(queries, tenant, plugin, { enabled: false, changedRevision });
	return recalled;
}

/** Plugins that are enabled in a version that was recalled. */
async function listRecalled(queries: Queries, tenant: string): Promise<DisabledByRecall[]> {
	const recalls = await activeRecalls(queries, tenant);
	if (recalls.length === 0) return [];
	const versions = await currentVersions(queries, tenant);
	return (await listPlugins(queries, tenant)).flatMap(({ name: plugin, version, enabled }) => {
		const digest = versions.get(plugin)?.digest ?? "";
		const isRecalled = enabled && matchRecall(recalls, { plugin, version, digest }) !== undefined;
		return isRecalled ? [{ plugin, version }] : [];
	});
}

/**
 * Takes a recall back. What it disabled stays disabled until somebody enables it.
 *
 * @throws CodedError `recall_not_found`
 */
export function takeBackRecall(database: Database, actor: Actor, id: string): Promise<Committed<RecallRow>> {
	return commitChange(database, actor, async (queries) => {
		const recall = await findRecall(queries, actor.tenant, id);
		if (recall === undefined) {
			throw errors.recall_not_found(
				`recall ${id} was not declared by this tenant; GET /api/v1/recalls lists those that count here`,
			);
		}
		if (recall.liftedAt !== null) return { result: recall, audit: undefined };
		const { digest, plugin, versions, reason } = recall;
		const audit = { action: "recall.lift", target: id, detail: { digest, plugin, versions, reason } };
		return { result: await liftRecall(queries, id, actor.name), audit };
	});
}
