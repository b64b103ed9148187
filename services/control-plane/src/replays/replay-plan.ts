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

/** @param input of the plugin that is replayed */
export function planReplay(
	head: { readonly tenant: string; readonly revision: number },
	input: RoutingInput,
	version: Planned,
	against: Planned,
): ReplayPlan {
	const compiledAt = new Date().toISOString();
	const tableOf = (planned: Planned) => {
		const plugins = input.plugins.map(({ recalled: _asked, ...plugin }) => ({
			...plugin,
			...planned,
			enabled: true,
			candidate: undefined,
			purgePending: false,
		}));
		return compileRouteTable({ ...head, compiledAt }, { ...input, plugins });
	};
	return { version: tableOf(version), against: tableOf(against) };
}

/**
 * The table with the one step of an event; `undefined`: the plugin does not get it. It runs in earnest, so that its effect can be seen.
 *
 * @param user of the event, whose own configuration counts
 */
export function tableFor(table: RouteTable, { hook, assistant }: EventAddress, user: string | undefined): RouteTable | undefined {
	const routes = table.hooks[hook];
	const ofAssistant =
		routes !== undefined && Object.hasOwn(routes.assistants, assistant) ? routes.assistants[assistant] : undefined;
	const [step] = ofAssistant ?? routes?.all ?? [];
	const plugin = step && table.plugins[step.plugin];
	if (step === undefined || plugin === undefined) return undefined;
	const users = step.optIn === undefined ? undefined : table.optIns?.[step.optIn];
	const own = (table.userConfigs?.[step.plugin] ?? []).filter((config) => config.user === user);
	const { spec, tenant, revision, compiledAt, dataKeys } = table;
	return {
		spec,
		tenant,
		revision,
		compiledAt,
		plugins: { [step.plugin]: plugin },
		...(own.length === 0 ? {} : { userConfigs: { [step.plugin]: own } }),
		...(dataKeys === undefined ? {} : { dataKeys }),
		...(step.optIn === undefined ? {} : { optIns: { [step.optIn]: users ?? [] } }),
		hooks: { [hook]: { all: [{ ...step, mode: "enforce", recordPatches: true }], assistants: {} } },
	};
}
