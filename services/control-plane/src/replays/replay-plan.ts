// What a replay runs, made once at its start: the route table that the tenant would have if each of the two versions were current, with the
// grants, limits, configuration and bindings of now. So a version is replayed exactly as it would run.
import type { EventAddress, RouteTable } from "@hookbus/schemas";
import type { VersionRow } from "../plugins/repository.js";
import { compileRouteTable } from "../routing/compile-route-table.js";
import type { RoutingInput } from "../routing/routing-input.js";

export interface ReplayPlan {
	readonly version: RouteTable;
	readonly against: RouteTable;
}

type Planned = Pick<VersionRow, "version" | "digest" | "size" | "manifest">;

/** @param input of the tenant; the plugin is in it */
export function planReplay(
	head: { readonly tenant: string; readonly revision: number },
	input: RoutingInput,
	name: string,
	version: Planned,
	against: Planned,
): ReplayPlan {
	const compiledAt = new Date().toISOString();
	const tableOf = (planned: Planned) => {
		const plugins = input.plugins
			.filter((plugin) => plugin.name === name)
			.map(({ recalled: _asked, ...plugin }) => ({
				...plugin,
				...planned,
				enabled: true,
				candidate: undefined,
				purgePending: false,
			}));
		const bindings = input.bindings.filter(({ plugin }) => plugin === name);
		return compileRouteTable({ ...head, compiledAt }, { plugins, bindings });
	};
	return { version: tableOf(version), against: tableOf(against) };
}

/** The table with the one step of an event; `undefined`: the plugin does not get it. It runs in earnest, so that its effect can be seen. */
export function tableFor(table: RouteTable, { hook, assistant }: EventAddress): RouteTable | undefined {
	const routes = table.hooks[hook];
	const own = routes !== undefined && Object.hasOwn(routes.assistants, assistant) ? routes.assistants[assistant] : undefined;
	const [step] = own ?? routes?.all ?? [];
	const plugin = step && table.plugins[step.plugin];
	if (step === undefined || plugin === undefined) return undefined;
	const users = step.optIn === undefined ? undefined : table.optIns?.[step.optIn];
	const { spec, tenant, revision, compiledAt } = table;
	return {
		spec,
		tenant,
		revision,
		compiledAt,
		plugins: { [step.plugin]: plugin },
		...(step.optIn === undefined ? {} : { optIns: { [step.optIn]: users ?? [] } }),
		hooks: { [hook]: { all: [{ ...step, mode: "enforce", recordPatches: true }], assistants: {} } },
	};
}
