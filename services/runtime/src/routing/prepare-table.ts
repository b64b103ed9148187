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
	TimeSlices,
} from "@hookbus/foundation";
import {
	type ActivationFault,
	HOOK_NAMES,
	type HookName,
	type Permission,
	type RoutedPlugin,
	type RouteTable,
} from "@hookbus/schemas";
import type { Logger } from "pino";
import type { PluginRights } from "../host-calls/plugin-rights.js";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import { type BuiltChains, buildChains, optInSets } from "./build-chains.js";
import { imageKey, type LoadedImage, makeImage, openSecrets, tryOut, underLimits } from "./make-image.js";
import type { ModuleRequest, ModuleStore } from "./module-store.js";
import { type PreparedUsers, prepareUsers } from "./prepare-users.js";
import { replySubjects } from "./reply-subjects.js";

export interface PreparedTable extends BuiltChains {
	/** Images by their key; also of the plugins that go on from an earlier table. */
	readonly images: ReadonlyMap<string, PluginImage>;
	/** What the plugins may ask of the host, by the key of their image. */
	readonly rights: ReadonlyMap<string, PluginRights>;
	readonly modules: readonly ModuleRequest[];
	readonly users: PreparedUsers;
	/** On which events are wanted. */
	readonly subjects: readonly string[];
}

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
	const slices = new TimeSlices();
	const exports = await exportsByPlugin(table, slices);
	const entries = Object.entries(table.plugins);
	const loaded = new Map<string, LoadedImage>();
	const modules = new Map<string, ModuleRequest>();
	const secrets = createSecretOpener(parts.masterKeys, table.dataKeys ?? {});
	await eachOf(entries, async ([key, plugin]) => {
		const request = { digest: plugin.digest, memoryPages: plugin.limits.memoryPages, exports: exports.get(key) ?? [] };
		modules.set(key, request);
		loaded.set(key, await loadImage(table.tenant, plugin, request, { ...parts, secrets }, previous));
		if (slices.isOver()) await slices.pause();
	});
	const faults: ActivationFault[] = [];
	const imageOf = new Map<string, PluginImage>();
	const rights = new Map<string, PluginRights>();
	const take = (key: string, image: PluginImage, its: PluginRights | undefined) => {
		imageOf.set(key, image);
		if (its !== undefined) rights.set(image.key, its);
	};
	const earlierOf = imagesByName(previous);
	for (const [key, plugin] of entries) {
		if (slices.isOver()) await slices.pause();
		const image = loaded.get(key);
		if (image === undefined) continue;
		if ("image" in image) {
			take(key, image.image, image.rights);
			continue;
		}
		const before = earlierImage(table, previous, key, earlierOf(plugin.name));
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
	const users = await prepareUsers(
		{ table, loaded, exportsOf: (key) => exports.get(key) ?? [], previous },
		{ ...parts, secrets },
	);
	for (const { image, rights: its } of users.taken) {
		images.set(image.key, image);
		if (its !== undefined) rights.set(image.key, its);
	}
	const optIns = optInSets(table, previous?.optIns);
	const source = { table, imageOf, faults, users };
	const chains = await buildChains(source, optIns, previous, parts.nextChainId);
	const subjects = await replySubjects(table.tenant, chains);
	const all = [...faults, ...users.faults];
	return { ...source, faults: all, images, rights, optIns, chains, subjects, modules: [...modules.values()] };
}

/** Plugins that are made ready at the same time: while one is compiled, the next is fetched and the one before tried out. */
const AT_ONCE = 4;

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
	const queue = items.values();
	const worker = async () => {
		for (const item of queue) await work(item);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function loadImage(
	tenant: string,
	plugin: RoutedPlugin,
	request: ModuleRequest,
	parts: Pick<PrepareParts, "ceiling" | "modules" | "executor"> & { readonly secrets: SecretOpener },
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

/** Exports that the table's chains call, by the key of the plugin. */
async function exportsByPlugin(table: RouteTable, slices: TimeSlices): Promise<Map<string, HookName[]>> {
	const exports = new Map<string, HookName[]>();
	for (const hook of HOOK_NAMES) {
		const routes = table.hooks[hook];
		if (routes === undefined) continue;
		// Assistants with equal chains share one object, which is looked at once.
		for (const steps of new Set([routes.all ?? [], ...Object.values(routes.assistants)])) {
			for (const { plugin } of steps) {
				const known = exports.get(plugin);
				if (known === undefined) exports.set(plugin, [hook]);
				else if (known.at(-1) !== hook) known.push(hook);
			}
			if (slices.isOver()) await slices.pause();
		}
	}
	return exports;
}

/**
 * The images that ran for everybody, by the name of their plugin; indexed when the first is asked for. Never a user's own: it has that
 * user's configuration and secrets.
 */
function imagesByName(previous: PreparedTable | undefined): (name: string) => readonly PluginImage[] {
	let index: Map<string, PluginImage[]> | undefined;
	return (name) => {
		if (index === undefined) {
			index = new Map();
			for (const image of previous?.imageOf.values() ?? []) index.set(image.name, [...(index.get(image.name) ?? []), image]);
		}
		return index.get(name) ?? [];
	};
}

/** What goes on where a plugin could not be loaded; never a version that was recalled meanwhile. */
function earlierImage(
	{ recalled = [] }: RouteTable,
	previous: PreparedTable | undefined,
	key: string,
	named: readonly PluginImage[],
): PluginImage | undefined {
	return [previous?.imageOf.get(key), ...named].find((image) => image !== undefined && !recalled.includes(image.digest));
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
