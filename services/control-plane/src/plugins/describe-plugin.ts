// Plugins as REST shows them: the rows put together, with what the runtimes and the executions say about them.
import type {
	Manifest,
	PluginDetail,
	PluginHealth,
	PluginPermissions,
	PluginSummary,
	PluginVersion,
	RecalledNote,
	SignedBy,
} from "@hookbus/schemas";
import { bindingsOfPlugin } from "../bindings/repository.js";
import { showBinding } from "../bindings/show-binding.js";
import type { Database, Queries } from "../database/database.js";
import { countRecent } from "../executions/repository.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { matchRecall, type RecallableVersion } from "../recalls/match-recall.js";
import { activeRecalls, type RecallRow } from "../recalls/repository.js";
import { describeLimits } from "../routing/effective-limits.js";
import { type Granted, missingGrants, missingRules, NOTHING_GRANTED } from "../routing/granted.js";
import { newestRouting } from "../routing/outbox.js";
import { listPublishers } from "../trust/repository.js";
import { type ListedPlugin, type PluginFilter, type PluginPage, pagePlugins } from "./list-plugins.js";
import { findGranted, grantedByPlugin, listVersions, type PluginRow, type VersionRow } from "./repository.js";
import { requirePlugin } from "./require-plugin.js";

/** Minutes of executions that a plugin's health looks back on. */
const RECENT_MINUTES = 60;

/** A page of the plugins that fulfil every part of the filter, by name. */
export async function listPluginSummaries(
	database: Database,
	tenant: string,
	filter: PluginFilter,
	page: PluginPage,
): Promise<{ readonly items: PluginSummary[]; readonly more: boolean }> {
	return await database.of(tenant).query(async (queries) => {
		const { page: rows, more } = await pagePlugins(queries, tenant, filter, page);
		const granted = await grantedByPlugin(
			queries,
			tenant,
			rows.map(({ name }) => name),
		);
		const recalls = await activeRecalls(queries, tenant);
		return { items: rows.map((row) => summarise(row, row, granted.get(row.name) ?? NOTHING_GRANTED, recalls)), more };
	});
}

/** @throws CodedError `plugin_not_found` */
export async function describePlugin(
	database: Database,
	fleet: RuntimeFleet,
	tenant: string,
	name: string,
): Promise<PluginDetail> {
	const stored = await database.of(tenant).query((queries) => readPlugin(queries, tenant, name));
	const { row, versions, trust, granted, bindings, recent, revision, routed } = stored;
	const current = versions.find(({ version }) => version === row.version);
	if (current === undefined) throw new Error(`plugin ${name} has no row for its version ${row.version}`);
	return {
		...summarise(row, current, granted, trust.recalls),
		manifest: current.manifest,
		...(current.signature === null ? {} : { signedBy: showSigner(current.signature.keyId, trust) }),
		...(row.publisher === null ? {} : { publisher: showSigner(row.publisher, trust) }),
		...(current.readme === null ? {} : { readme: current.readme }),
		tools: current.manifest.tools ?? [],
		limits: describeLimits(current.manifest, row.limits),
		versions: showVersions(row, versions, trust),
		bindings: bindings.map(showBinding),
		health: health(fleet, tenant, name, { revision, routed, recent }),
	};
}

async function readPlugin(queries: Queries, tenant: string, name: string) {
	const row = await requirePlugin(queries, tenant, name);
	return {
		row,
		versions: await listVersions(queries, tenant, name),
		trust: await readTrust(queries, tenant),
		granted: await findGranted(queries, tenant, name),
		bindings: await bindingsOfPlugin(queries, tenant, name),
		recent: await countRecent(queries, tenant, name, RECENT_MINUTES),
		...(await newestRouting(queries, tenant, name)),
	};
}

/** What a tenant knows about signatures and versions at the moment. */
export interface TrustView {
	/** Names of the trusted publishers by the id of their key. */
	readonly publishers: ReadonlyMap<string, string>;
	readonly recalls: readonly RecallRow[];
}

export async function readTrust(queries: Queries, tenant: string): Promise<TrustView> {
	const publishers = new Map((await listPublishers(queries, tenant)).map(({ keyId, name }) => [keyId, name]));
	return { publishers, recalls: await activeRecalls(queries, tenant) };
}

export function showSigner(keyId: string, { publishers }: TrustView): SignedBy {
	const name = publishers.get(keyId);
	return name === undefined ? { keyId } : { keyId, name };
}

export function showRecalled(recalls: readonly RecallRow[], version: RecallableVersion): { recalled?: RecalledNote } {
	const recall = matchRecall(recalls, version);
	return recall === undefined ? {} : { recalled: { recall: recall.id, reason: recall.reason } };
}

/** @param plugin its name and its current version */
export function showVersions(
	plugin: Pick<PluginRow, "name" | "version">,
	versions: readonly VersionRow[],
	trust: TrustView,
): PluginVersion[] {
	return versions.map(({ version, digest, size, signature, origin, createdAt, createdBy }) => ({
		version,
		digest,
		size,
		current: version === plugin.version,
		createdAt: createdAt.toISOString(),
		createdBy,
		...(signature === null ? {} : { signedBy: showSigner(signature.keyId, trust) }),
		...(origin === null ? {} : { origin }),
		...showRecalled(trust.recalls, { plugin: plugin.name, version, digest }),
	}));
}

function summarise(
	row: Pick<PluginRow, "name" | "version" | "enabled" | "disabledReason" | "createdAt" | "updatedAt">,
	{ digest, manifest }: Pick<ListedPlugin, "digest" | "manifest">,
	granted: Granted,
	recalls: readonly RecallRow[],
): PluginSummary {
	return {
		name: row.name,
		version: row.version,
		digest,
		status: row.enabled ? "enabled" : "disabled",
		...(row.disabledReason === null ? {} : { disabledReason: row.disabledReason }),
		...showRecalled(recalls, { plugin: row.name, version: row.version, digest }),
		description: manifest.description,
		...(manifest.type === undefined ? {} : { type: manifest.type }),
		...(manifest.category === undefined ? {} : { category: manifest.category }),
		tags: manifest.tags ?? [],
		hooks: manifest.hooks.map(({ hook, effect }) => ({ hook, effect })),
		permissions: showPermissions(manifest, granted),
		createdAt: row.createdAt.toISOString(),
		updatedAt: row.updatedAt.toISOString(),
	};
}

function showPermissions(manifest: Pick<Manifest, "permissions" | "network">, granted: Granted): PluginPermissions {
	const asked = manifest.network ?? [];
	const hasRules = asked.length > 0 || granted.network.length > 0;
	return {
		asked: manifest.permissions ?? [],
		granted: [...granted.grants],
		missing: missingGrants(manifest, granted),
		...(hasRules ? { network: { asked, granted: [...granted.network], missing: missingRules(manifest, granted) } } : {}),
	};
}

interface Standing {
	readonly revision: number;
	/** In the newest route table. */
	readonly routed: boolean;
	readonly recent: { readonly calls: number; readonly errors: number };
}

function health(fleet: RuntimeFleet, tenant: string, name: string, { revision, routed, recent }: Standing): PluginHealth {
	const stand = fleet.stand(tenant, revision);
	const runtimes = [...stand.applied, ...stand.behind];
	const faults = runtimes.flatMap((runtime) =>
		runtime.faults
			.filter((fault) => fault.plugin === name)
			.map(({ code, message, running, user }) => ({
				runtime: runtime.id,
				code,
				message,
				...(running === undefined ? {} : { running }),
				...(user === undefined ? {} : { user }),
			})),
	);
	const probes = runtimes.flatMap((runtime) =>
		runtime.probes
			.filter(({ plugin }) => plugin === name)
			.map(({ tenant: _tenant, plugin: _plugin, ...probe }) => ({ runtime: runtime.id, ...probe })),
	);
	const fails = faults.some(({ user }) => user === undefined) || probes.some(({ healthy }) => !healthy);
	const status = !routed ? "idle" : fails ? "failing" : runtimes.length === 0 ? "unknown" : "running";
	return { status, faults, probes, recent: { minutes: RECENT_MINUTES, ...recent } };
}
