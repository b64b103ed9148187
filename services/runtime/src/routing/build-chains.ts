// Makes the chains of a prepared table from its steps, in slices of time. Equal lists of steps give one chain, and a chain that is as
// it was in the table before stays the one that the threads have: a change of one assistant then costs what one assistant costs.
import { TimeSlices } from "@hookbus/foundation";
import { type ActivationFault, HOOK_NAMES, type HookName, type RouteStep, type RouteTable } from "@hookbus/schemas";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import type { PreparedUsers } from "./prepare-users.js";

export interface HookChains {
	readonly all: ThreadChain | undefined;
	readonly assistants: ReadonlyMap<string, ThreadChain>;
	/** The chains by the steps that they were made of. */
	readonly bySteps: ReadonlyMap<readonly RouteStep[], ThreadChain>;
}

export type PreparedChains = ReadonlyMap<HookName, HookChains>;

/** What chains are made of. */
export interface ChainSource {
	readonly table: RouteTable;
	/** Image by key of the table's plugin; absent: it could not be loaded. */
	readonly imageOf: ReadonlyMap<string, PluginImage>;
	/** Of the plugins first, then of single users. */
	readonly faults: readonly ActivationFault[];
	readonly users: PreparedUsers;
}

/** The source of a table that was prepared before, and what was made of it. */
export interface BuiltChains extends ChainSource {
	readonly chains: PreparedChains;
	/** Users who opted in, by the key that steps name. */
	readonly optIns: OptIns;
}

export type OptIns = ReadonlyMap<string, ReadonlySet<string>>;

/** One set for each list, the one of before where nobody came or went: a thread gets it once. */
export function optInSets({ optIns = {} }: RouteTable, before: OptIns | undefined): OptIns {
	return new Map(
		Object.entries(optIns).map(([key, users]) => {
			const known = before?.get(key);
			const isSame = known?.size === users.length && users.every((user) => known.has(user));
			return [key, isSame && known !== undefined ? known : new Set(users)];
		}),
	);
}

/** @param before of the tenant's table that is in service */
export async function buildChains(
	source: ChainSource,
	optIns: OptIns,
	before: BuiltChains | undefined,
	nextChainId: () => number,
): Promise<PreparedChains> {
	const slices = new TimeSlices();
	const builder = new ChainBuilder(source, optIns, before, nextChainId);
	const chains = new Map<HookName, HookChains>();
	for (const hook of HOOK_NAMES) {
		const routes = source.table.hooks[hook];
		if (routes === undefined) continue;
		const bySteps = new Map<readonly RouteStep[], ThreadChain>();
		const chainOf = (steps: readonly RouteStep[]): ThreadChain => {
			let chain = bySteps.get(steps);
			if (chain === undefined) {
				chain = builder.chain(hook, steps);
				bySteps.set(steps, chain);
			}
			return chain;
		};
		const all = routes.all && chainOf(routes.all);
		const assistants = new Map<string, ThreadChain>();
		for (const [assistant, steps] of Object.entries(routes.assistants)) {
			assistants.set(assistant, chainOf(steps));
			if (slices.isOver()) await slices.pause();
		}
		chains.set(hook, { all, assistants, bySteps });
	}
	return chains;
}

class ChainBuilder {
	readonly #source: ChainSource;
	readonly #optIns: OptIns;
	readonly #before: BuiltChains | undefined;
	readonly #nextChainId: () => number;
	/** Messages by name and version of what could not be loaded. */
	readonly #messages: ReadonlyMap<string, string>;
	readonly #messagesBefore: ReadonlyMap<string, string>;

	constructor(source: ChainSource, optIns: OptIns, before: BuiltChains | undefined, nextChainId: () => number) {
		this.#source = source;
		this.#optIns = optIns;
		this.#before = before;
		this.#nextChainId = nextChainId;
		this.#messages = messagesOf(source.faults);
		this.#messagesBefore = messagesOf(before?.faults ?? []);
	}

	chain(hook: HookName, routes: readonly RouteStep[]): ThreadChain {
		const { table, imageOf, users } = this.#source;
		const known = this.#before?.chains.get(hook)?.bySteps.get(routes);
		const { revision, tenant } = table;
		if (known !== undefined && routes.every((step) => this.#isAsBefore(step))) return { ...known, revision };
		const bound = routes.filter((step) => step.mode !== "off");
		const waits = bound.some(({ plugin }) => (imageOf.get(plugin)?.waits ?? false) || users.waits.has(plugin));
		return { id: this.#nextChainId(), tenant, hook, revision, waits, steps: bound.map((step) => this.#step(step)) };
	}

	/** The step stands for the same thing as in the table before. */
	#isAsBefore({ plugin, optIn }: RouteStep): boolean {
		const before = this.#before;
		if (before === undefined) return false;
		const { table, imageOf, users } = this.#source;
		const [now, then] = [table.plugins[plugin], before.table.plugins[plugin]];
		if (now?.name !== then?.name || now?.version !== then?.version || now?.digest !== then?.digest) return false;
		if (imageOf.get(plugin) !== before.imageOf.get(plugin)) return false;
		if (users.images.get(plugin) !== before.users.images.get(plugin)) return false;
		if (imageOf.get(plugin) === undefined && this.#messages.get(keyOf(now)) !== this.#messagesBefore.get(keyOf(then)))
			return false;
		return optIn === undefined || this.#optIns.get(optIn) === before.optIns.get(optIn);
	}

	#step(step: RouteStep): ThreadStep {
		const wanted = this.#source.table.plugins[step.plugin];
		const image = this.#source.imageOf.get(step.plugin);
		const own = this.#source.users.images.get(step.plugin);
		const made = {
			...step,
			image: image?.key,
			name: wanted?.name ?? step.plugin,
			version: image?.version ?? wanted?.version ?? "0.0.0",
			digest: image?.digest ?? wanted?.digest ?? "",
		};
		// One copy for most steps: there are tens of thousands.
		if (step.optIn === undefined && own === undefined && image !== undefined) return made;
		return {
			...made,
			...(step.optIn === undefined ? {} : { optedIn: this.#optIns.get(step.optIn) ?? new Set<string>() }),
			...(image === undefined
				? { loadFault: this.#messages.get(keyOf(wanted)) ?? `the route table has no plugin ${step.plugin}` }
				: {}),
			...(own === undefined ? {} : { users: own }),
		};
	}
}

/** The first message counts, as in the list of faults. */
function messagesOf(faults: readonly ActivationFault[]): Map<string, string> {
	return new Map(faults.toReversed().map((fault) => [keyOf({ ...fault, name: fault.plugin }), fault.message]));
}

function keyOf(plugin: { readonly name: string; readonly version: string } | undefined): string {
	return plugin === undefined ? "" : `${plugin.name} ${plugin.version}`;
}
