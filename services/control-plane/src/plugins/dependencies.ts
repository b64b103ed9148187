// Which plugins another one needs, and whether they are there. The rules, asked in the transaction of each change that could break them:
//
// - A package comes in, and a version comes back, only when each dependency is installed in a version of its range, and when no
//   plugin would need itself in the end.
// - An enabled plugin's dependencies are enabled too: it cannot be enabled before them, and while it is enabled they can neither be
//   disabled nor removed nor get a version outside its range. Only the service itself disables one that keeps failing all the same.
import type { DependencyState, ExplainedDependency, Manifest } from "@hookbus/schemas";
import { and, eq, sql } from "drizzle-orm";
import semver from "semver";
import type { Queries } from "../database/database.js";
import { plugins, pluginVersions } from "../database/tables/index.js";
import { errors } from "../errors.js";

type Dependencies = Readonly<Record<string, string>>;

/** What the rules need of an installed plugin. */
export interface InstalledPlugin {
	readonly name: string;
	readonly version: string;
	readonly enabled: boolean;
	/** Ranges by name of the plugin. */
	readonly dependencies: Dependencies;
}

async function installedPlugins(queries: Queries, tenant: string): Promise<InstalledPlugin[]> {
	const rows = await queries
		.select({
			name: plugins.name,
			version: plugins.version,
			enabled: plugins.enabled,
			dependencies: sql<Dependencies | null>`${pluginVersions.manifest} -> 'dependencies'`,
		})
		.from(plugins)
		.innerJoin(
			pluginVersions,
			and(
				eq(pluginVersions.tenant, plugins.tenant),
				eq(pluginVersions.plugin, plugins.name),
				eq(pluginVersions.version, plugins.version),
			),
		)
		.where(eq(plugins.tenant, tenant))
		.orderBy(plugins.name);
	return rows.map((row) => ({ ...row, dependencies: row.dependencies ?? {} }));
}

/** How each dependency of a manifest stands, by name. */
export function describeDependencies(
	{ dependencies }: Pick<Manifest, "dependencies">,
	find: (name: string) => Pick<InstalledPlugin, "version" | "enabled"> | undefined,
): ExplainedDependency[] {
	return Object.entries(dependencies ?? {})
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([plugin, range]) => {
			const installed = find(plugin);
			return {
				plugin,
				range,
				...(installed === undefined ? {} : { version: installed.version }),
				state: stateOf(range, installed),
			};
		});
}

function stateOf(range: string, installed: Pick<InstalledPlugin, "version" | "enabled"> | undefined): DependencyState {
	if (installed === undefined) return "missing";
	if (!fits(installed.version, range)) return "version_differs";
	return installed.enabled ? "met" : "disabled";
}

/**
 * For a version that becomes the current one, and for a plugin that is enabled.
 *
 * @param enabled whether the plugin is enabled from now on
 * @throws CodedError `dependency_cycle`, `dependencies_missing`, `dependents_exist`
 */
export async function requireDependencies(
	queries: Queries,
	tenant: string,
	manifest: Pick<Manifest, "name" | "version" | "dependencies">,
	enabled: boolean,
): Promise<void> {
	const { name, version } = manifest;
	const others = (await installedPlugins(queries, tenant)).filter((plugin) => plugin.name !== name);
	const byName = new Map(others.map((plugin) => [plugin.name, plugin]));
	refuseCycle(name, manifest.dependencies ?? {}, byName);
	const missing = describeDependencies(manifest, (other) => byName.get(other)).filter(
		({ state }) => state !== "met" && (enabled || state !== "disabled"),
	);
	if (missing.length > 0) {
		throw errors.dependencies_missing(
			`plugin ${name} ${version} needs ${missing.map(describe).join(", ")}; install and enable what is named first, in a version of its range`,
			{ errors: missing.map((one) => ({ path: `/dependencies/${one.plugin}`, message: describe(one) })) },
		);
	}
	const unfit = others.filter((other) => other.enabled && !fits(version, other.dependencies[name]));
	refuseDependents(unfit, `version ${version} of plugin ${name} does not fit`);
}

function fits(version: string, range: string | undefined): boolean {
	return range === undefined || semver.satisfies(version, range);
}

/**
 * For a plugin that is disabled or removed.
 *
 * @param what is to be done, such as `plugin x cannot be removed`
 * @throws CodedError `dependents_exist`
 */
export async function requireNoDependents(queries: Queries, tenant: string, name: string, what: string): Promise<void> {
	const dependents = (await installedPlugins(queries, tenant)).filter(
		(other) => other.enabled && other.name !== name && Object.hasOwn(other.dependencies, name),
	);
	refuseDependents(dependents, what);
}

function refuseDependents(dependents: readonly InstalledPlugin[], what: string): void {
	if (dependents.length === 0) return;
	const names = dependents.map((plugin) => plugin.name).join(", ");
	throw errors.dependents_exist(`${what}: enabled plugins depend on it (${names}); disable them, or update them, first`, {
		errors: dependents.map((plugin) => ({ path: `/plugins/${plugin.name}`, message: `${plugin.version} depends on it` })),
	});
}

function describe({ plugin, range, version, state }: ExplainedDependency): string {
	switch (state) {
		case "missing":
			return `${plugin} ${range}, which is not installed`;
		case "version_differs":
			return `${plugin} ${range}, of which ${version} is current`;
		case "disabled":
			return `${plugin} ${range}, which is disabled`;
		case "met":
			return `${plugin} ${range}`;
	}
}

/** Walks from the plugin along what is installed; whoever leads back to it is a cycle. */
function refuseCycle(name: string, dependencies: Dependencies, byName: ReadonlyMap<string, InstalledPlugin>): void {
	const seen = new Set<string>();
	const ways: string[][] = Object.keys(dependencies).map((next) => [name, next]);
	for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
		const at = way.at(-1) as string;
		if (at === name) {
			throw errors.dependency_cycle(`these plugins need each other: ${way.join(" → ")}; drop one of these dependencies`);
		}
		if (seen.has(at)) continue;
		seen.add(at);
		for (const next of Object.keys(byName.get(at)?.dependencies ?? {})) ways.push([...way, next]);
	}
}
