// Sets an installed plugin's limits over those of its manifest. What no runtime could load is refused here, where somebody
// reads the answer, and not in a runtime, where it would only show as a plugin that does not come up.
import { moduleFaults } from "@hookbus/foundation";
import type { LimitsBody, LimitsDetail, PluginLimits } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { canonicalJson } from "../canonical-json.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { describeLimits, effectiveLimits } from "../routing/effective-limits.js";
import { loadModule, updatePlugin, type VersionRow } from "./repository.js";
import { requireCurrentVersion, requirePlugin } from "./require-plugin.js";

/**
 * Sets exactly these limits from now on.
 *
 * @throws CodedError `plugin_not_found`, `limits_invalid`
 */
export function changeLimits(database: Database, actor: Actor, name: string, body: LimitsBody): Promise<Committed<LimitsDetail>> {
	const { tenant } = actor;
	return commitChange(database, actor, async (queries, revision) => {
		const plugin = await requirePlugin(queries, tenant, name);
		const version = await requireCurrentVersion(queries, tenant, plugin);
		const before = plugin.limits ?? {};
		const after = limitsIn(body);
		const result = describeLimits(version.manifest, after);
		if (canonicalJson(before) === canonicalJson(after)) return { result, audit: undefined };
		await requireFittingMemory(queries, version, after);
		await updatePlugin(queries, tenant, name, { limits: after, changedRevision: revision });
		return { result, audit: { action: "plugin.limits", target: name, detail: { before, after } } };
	});
}

/** @throws CodedError `plugin_not_found` */
export function readLimits(database: Database, tenant: string, name: string): Promise<LimitsDetail> {
	return database.of(tenant).query(async (queries) => {
		const plugin = await requirePlugin(queries, tenant, name);
		return describeLimits((await requireCurrentVersion(queries, tenant, plugin)).manifest, plugin.limits);
	});
}

function limitsIn(body: LimitsBody): PluginLimits {
	return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/**
 * A module that begins with more memory than it may have does not load. Its own manifest's limit was checked when it came.
 *
 * @param set the admin's limits; null: none
 * @throws CodedError `limits_invalid`
 */
export async function requireFittingMemory(
	queries: Queries,
	{ manifest, digest }: Pick<VersionRow, "manifest" | "digest">,
	set: PluginLimits | null,
): Promise<void> {
	const { memoryPages } = effectiveLimits(manifest, set);
	if (memoryPages >= effectiveLimits(manifest).memoryPages) return;
	const module = await loadModule(queries, digest);
	if (module === undefined) throw new Error(`plugin ${manifest.name} has no module ${digest}`);
	const fault = moduleFaults(module, { memoryPages, requiredExports: [] }).find(({ section }) => section === "memory section");
	if (fault === undefined) return;
	const { name, version } = manifest;
	throw errors.limits_invalid(
		`plugin ${name} ${version} ${fault.rule}; set memoryPages to as many at least, or to null, with PUT /api/v1/plugins/${name}/limits`,
		{ errors: [{ path: "/memoryPages", message: fault.message }] },
	);
}
