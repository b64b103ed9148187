// Makes a route table ready to run: modules fetched and compiled, secrets opened, every plugin tried out. A plugin that fails
// does not hold up the others: its bindings go on with the version that ran before, or fail by their policy. What goes on has the new
// limits and secrets: else a plugin could keep its old ones by failing.

import { isDeepStrictEqual } from "node:util";
import {
	CodedError,
	createSecretOpener,
	describeError,
	type MasterKeys,
	ModuleFault,
	type SecretOpener,
} from "@hookbus/foundation";
import {
	type ActivationFault,
	HOOK_NAMES,
	type HookName,
	type Permission,
	type RoutedPlugin,
	type RouteStep,
	type RouteTable,
} from "@hookbus/schemas";
import type { Logger } from "pino";
import type { PluginRights } from "../host-calls/plugin-rights.js";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import { imageKey, type LoadedImage, makeImage, openSecrets, tryOut, underLimits } from "./make-image.js";
import type { ModuleRequest, ModuleStore } from "./module-store.js";
import { type PreparedUsers, prepareUsers } from "./prepare-users.js";

export interface PreparedTable {
	readonly table: RouteTable;
	/** Images by their key; also of the plugins that go on from an earlier table. */
	readonly images: ReadonlyMap<string, PluginImage>;
	/** What the plugins may ask of the host, by the key of their image. */
	readonly rights: ReadonlyMap<string, PluginRights>;
	/** Image by key of the table's plugin; absent: it could not be loaded. */
	readonly imageOf: ReadonlyMap<string, PluginImage>;
	readonly chains: PreparedChains;
	/** Of the plugins first, then of single users. */
	readonly faults: readonly ActivationFault[];
	readonly modules: readonly ModuleRequest[];
	readonly users: PreparedUsers;
}

export type PreparedChains = ReadonlyMap<
	HookName,
	{ readonly all: ThreadChain | undefined; readonly assistants: ReadonlyMap<string, ThreadChain> }
>;

export interface PrepareParts {
	readonly modules: ModuleStore;
	readonly masterKeys: MasterKeys;
	readonly executor: ChainExecutor;
	/** Permissions that this deployment lets any plugin have. */
	readonly ceiling: ReadonlySet<Permission>;
	/** Milliseconds after which no further configuration of a user is tried out for a table. */
	readonly userConfigsMs: number;
	readonly nextChainId: () => number;
	readonly logger: Logger;
}

/** Prepares a table. Never rejects for a plugin's sake: what failed is in `faults`. */
export async function prepareTable(
	table: RouteTable,
	previous: PreparedTable | undefined,
	parts: PrepareParts,
): Promise<PreparedTable> {
	const faults: ActivationFault[] = [];
	const imageOf = new Map<string, PluginImage>();
	const rights = new Map<string, PluginRights>();
	const take = (key: string, image: PluginImage, its: PluginRights | undefined) => {
		imageOf.set(key, image);
		if (its !== undefined) rights.set(image.key, its);
	};
	const modules: ModuleRequest[] = [];
	const secrets = createSecretOpener(parts.masterKeys, table.dataKeys ?? {});
	const loaded = new Map<string, LoadedImage>();
	for (const [key, plugin] of Object.entries(table.plugins)) {
		const request = { digest: plugin.digest, memoryPages: plugin.limits.memoryPages, exports: exportsOf(table, key) };
		modules.push(request);
		const image = await loadImage(table.tenant, plugin, request, { ...parts, secrets }, previous);
		loaded.set(key, image);
		if ("image" in image) {
			take(key, image.image, image.rights);
			continue;
		}
		const before = earlierImage(table, previous, key, plugin.name);
		const earlier = before && (await withLimits(before, plugin, parts));
		const rights = before && previous?.rights.get(before.key);
		if (earlier !== undefined) take(key, earlier, rights && { ...rights, limits: plugin.limits, secrets: image.secrets ?? {} });
		faults.push({
			plugin: plugin.name,
			version: plugin.version,
			code: image.code,
			message: image.message,
			...(earlier === undefined ? {} : { running: earlier.version }),
		});
		parts.logger.warn(
			{ tenant: table.tenant, plugin: plugin.name, version: plugin.version, code: image.code, running: earlier?.version },
			`plugin cannot be taken into service: ${image.message}`,
		);
	}
	const images = new Map([...imageOf.values()].map((image) => [image.key, image]));
	const users = await prepareUsers({ table, loaded, exportsOf: (key) => exportsOf(table, key), previous }, { ...parts, secrets });
	for (const { image, rights: its } of users.taken) {
		images.set(image.key, image);
		if (its !== undefined) rights.set(image.key, its);
	}
	const chains = buildChains(table, imageOf, faults, users, parts.nextChainId);
	return { table, images, rights, imageOf, chains, faults: [...faults, ...users.faults], modules, users };
}

async function loadImage(
	tenant: string,
	plugin: RoutedPlugin,
	request: ModuleRequest,
	parts: PrepareParts & { readonly secrets: SecretOpener },
	previous: PreparedTable | undefined,
): Promise<LoadedImage> {
	const key = imageKey(tenant, plugin, request.exports);
	const unchanged = previous?.images.get(key);
	if (unchanged !== undefined) return { image: unchanged, rights: previous?.rights.get(key) };
	let opened: Record<string, string> | undefined;
	let modules: LinkedModules | undefined;
	try {
		opened = await openSecrets(tenant, plugin, parts.secrets);
		modules = await parts.modules.get(request);
		const made = makeImage(tenant, plugin, { key, modules, secrets: opened, ceiling: parts.ceiling });
		const fault = await tryOut(made.image, parts.executor);
		return fault === undefined ? made : { code: fault.code, message: fault.message, secrets: opened, modules };
	} catch (thrown) {
		const code = thrown instanceof ModuleFault || thrown instanceof CodedError ? thrown.code : "load_failed";
		return { code, message: describeError(thrown), secrets: opened, modules };
	}
}

/** Exports that the table's chains call on a plugin. */
function exportsOf(table: RouteTable, key: string): HookName[] {
	return HOOK_NAMES.filter((hook) => {
		const routes = table.hooks[hook];
		if (routes === undefined) return false;
		return [routes.all ?? [], ...Object.values(routes.assistants)].some((steps) => steps.some((step) => step.plugin === key));
	});
}

/** What goes on where a plugin could not be loaded; never a version that was recalled meanwhile. */
function earlierImage(
	{ recalled = [] }: RouteTable,
	previous: PreparedTable | undefined,
	key: string,
	name: string,
): PluginImage | undefined {
	if (previous === undefined) return undefined;
	const images = [previous.imageOf.get(key), ...[...previous.images.values()].filter((image) => image.name === name)];
	return images.find((image) => image !== undefined && !recalled.includes(image.digest));
}

/**
 * The image with the limits of the new table. Threads and admission keep what they know of a key, so other limits are another key.
 * `undefined`: its module cannot be had with the new limit of its memory.
 */
async function withLimits(
	image: PluginImage,
	{ limits, configRevision }: RoutedPlugin,
	parts: PrepareParts,
): Promise<PluginImage | undefined> {
	if (isDeepStrictEqual(image.limits, limits)) return image;
	try {
		return await underLimits(image, { limits, configRevision }, parts.modules);
	} catch (thrown) {
		parts.logger.warn(
			{ plugin: image.name, version: image.version, error: describeError(thrown) },
			"it cannot go on with its new limits",
		);
		return undefined;
	}
}

function buildChains(
	table: RouteTable,
	imageOf: ReadonlyMap<string, PluginImage>,
	faults: readonly ActivationFault[],
	users: PreparedUsers,
	nextChainId: () => number,
): PreparedChains {
	// One set for each list, however many steps name it: a thread then gets it once.
	const optIns = new Map(Object.entries(table.optIns ?? {}).map(([key, users]) => [key, new Set(users)]));
	const chain = (hook: HookName, routes: readonly RouteStep[]): ThreadChain => {
		const bound = routes.filter((step) => step.mode !== "off");
		return {
			id: nextChainId(),
			tenant: table.tenant,
			hook,
			revision: table.revision,
			waits: bound.some(({ plugin }) => (imageOf.get(plugin)?.waits ?? false) || users.waits.has(plugin)),
			steps: bound.map((step) => threadStep(step, table, imageOf, faults, optIns, users)),
		};
	};
	const chains = new Map<HookName, { all: ThreadChain | undefined; assistants: Map<string, ThreadChain> }>();
	for (const hook of HOOK_NAMES) {
		const routes = table.hooks[hook];
		if (routes === undefined) continue;
		chains.set(hook, {
			all: routes.all === undefined ? undefined : chain(hook, routes.all),
			assistants: new Map(Object.entries(routes.assistants).map(([assistant, steps]) => [assistant, chain(hook, steps)])),
		});
	}
	return chains;
}

function threadStep(
	step: RouteStep,
	table: RouteTable,
	imageOf: ReadonlyMap<string, PluginImage>,
	faults: readonly ActivationFault[],
	optIns: ReadonlyMap<string, ReadonlySet<string>>,
	users: PreparedUsers,
): ThreadStep {
	const wanted = table.plugins[step.plugin];
	const image = imageOf.get(step.plugin);
	const own = users.images.get(step.plugin);
	const fault = faults.find((candidate) => candidate.plugin === wanted?.name && candidate.version === wanted.version);
	return {
		...step,
		image: image?.key,
		name: wanted?.name ?? step.plugin,
		version: image?.version ?? wanted?.version ?? "0.0.0",
		digest: image?.digest ?? wanted?.digest ?? "",
		...(step.optIn === undefined ? {} : { optedIn: optIns.get(step.optIn) ?? new Set<string>() }),
		...(image === undefined ? { loadFault: fault?.message ?? `the route table has no plugin ${step.plugin}` } : {}),
		...(own === undefined ? {} : { users: own }),
	};
}
