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
import { secretForms } from "../host-calls/log/mask-secrets.js";
import type { PluginRights } from "../host-calls/plugin-rights.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import type { ModuleRequest, ModuleStore } from "./module-store.js";

export interface PreparedTable {
	readonly table: RouteTable;
	/** Images by their key; also of the plugins that go on from an earlier table. */
	readonly images: ReadonlyMap<string, PluginImage>;
	/** What the plugins may ask of the host, by the key of their image. */
	readonly rights: ReadonlyMap<string, PluginRights>;
	/** Image by key of the table's plugin; absent: it could not be loaded. */
	readonly imageOf: ReadonlyMap<string, PluginImage>;
	readonly chains: PreparedChains;
	readonly faults: readonly ActivationFault[];
	readonly modules: readonly ModuleRequest[];
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
	for (const [key, plugin] of Object.entries(table.plugins)) {
		const request = { digest: plugin.digest, memoryPages: plugin.limits.memoryPages, exports: exportsOf(table, key) };
		modules.push(request);
		const image = await loadImage(table.tenant, plugin, request, { ...parts, secrets }, previous);
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
	return { table, images, rights, imageOf, chains: buildChains(table, imageOf, faults, parts.nextChainId), faults, modules };
}

/** What needs them leaves the thread and waits for an answer. */
const WAITING: ReadonlySet<Permission> = new Set(["network_access", "state", "write_files", "publish"]);

type LoadedImage =
	| { readonly image: PluginImage; readonly rights: PluginRights | undefined }
	| {
			readonly code: string;
			readonly message: string;
			/** Opened secrets by their field; absent: they cannot be opened. */
			readonly secrets: Readonly<Record<string, string>> | undefined;
	  };

async function loadImage(
	tenant: string,
	plugin: RoutedPlugin,
	request: ModuleRequest,
	parts: PrepareParts & { readonly secrets: SecretOpener },
	previous: PreparedTable | undefined,
): Promise<LoadedImage> {
	const key = `${tenant}/${plugin.name}/${plugin.digest}/${plugin.configRevision}/${[...request.exports].sort().join()}`;
	const unchanged = previous?.images.get(key);
	if (unchanged !== undefined) return { image: unchanged, rights: previous?.rights.get(key) };
	let opened: Record<string, string> | undefined;
	try {
		opened = await openSecrets(tenant, plugin, parts.secrets);
		const modules = await parts.modules.get(request);
		const grants = plugin.grants.filter((permission) => parts.ceiling.has(permission));
		const secrets = grants.includes("read_secrets") ? opened : {};
		const image: PluginImage = {
			key,
			name: plugin.name,
			version: plugin.version,
			digest: plugin.digest,
			modules,
			config: extismConfig(plugin, secrets),
			secrets: secretForms(Object.values(secrets)),
			grants,
			waits: grants.some((permission) => WAITING.has(permission)),
			limits: plugin.limits,
			tools: plugin.tools,
		};
		const rights: PluginRights = {
			tenant,
			plugin: plugin.name,
			permissions: new Set(grants),
			network: plugin.network,
			secrets: opened,
			limits: plugin.limits,
		};
		let fault = await parts.executor.probe(image);
		// A machine that stood still for a moment looks like a plugin that hangs; only the second time is believed.
		if (fault?.code === "timeout") fault = await parts.executor.probe(image);
		return fault === undefined ? { image, rights } : { code: fault.code, message: fault.message, secrets: opened };
	} catch (thrown) {
		const code = thrown instanceof ModuleFault || thrown instanceof CodedError ? thrown.code : "load_failed";
		return { code, message: describeError(thrown), secrets: opened };
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

/**
 * Extism's configuration is text by key. Every top-level property stands under its own name (text as it is, anything else
 * as JSON), and the whole under `config`.
 */
function extismConfig(plugin: RoutedPlugin, secrets: Readonly<Record<string, string>>): Record<string, string> {
	const whole: Record<string, unknown> = { ...plugin.config, ...secrets };
	const entries: Record<string, string> = {};
	for (const [name, value] of Object.entries(whole)) entries[name] = typeof value === "string" ? value : JSON.stringify(value);
	entries.config = JSON.stringify(whole);
	return entries;
}

/** For the plugins that were granted to read them, and for the requests into which the host puts them. */
async function openSecrets(tenant: string, plugin: RoutedPlugin, box: SecretOpener): Promise<Record<string, string>> {
	const opened: Record<string, string> = {};
	if (!plugin.grants.includes("read_secrets") && !plugin.grants.includes("network_access")) return opened;
	for (const [field, sealed] of Object.entries(plugin.secrets)) {
		opened[field] = await box.open(sealed, { tenant, plugin: plugin.name, field });
	}
	return opened;
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
	const { digest, key } = image;
	const { memoryPages } = limits;
	try {
		// The limit of the memory stands in the compiled module.
		const isSame = memoryPages === image.limits.memoryPages;
		const modules = isSame ? image.modules : await parts.modules.get({ digest, memoryPages, exports: [] });
		return { ...image, key: `${key.split("#", 1)[0]}#${configRevision}`, limits, modules };
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
			waits: bound.some((step) => imageOf.get(step.plugin)?.waits ?? false),
			steps: bound.map((step) => threadStep(step, table, imageOf, faults, optIns)),
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
): ThreadStep {
	const wanted = table.plugins[step.plugin];
	const image = imageOf.get(step.plugin);
	const fault = faults.find((candidate) => candidate.plugin === wanted?.name && candidate.version === wanted.version);
	return {
		...step,
		image: image?.key,
		name: wanted?.name ?? step.plugin,
		version: image?.version ?? wanted?.version ?? "0.0.0",
		digest: image?.digest ?? wanted?.digest ?? "",
		...(step.optIn === undefined ? {} : { optedIn: optIns.get(step.optIn) ?? new Set<string>() }),
		...(image === undefined ? { loadFault: fault?.message ?? `the route table has no plugin ${step.plugin}` } : {}),
	};
}
