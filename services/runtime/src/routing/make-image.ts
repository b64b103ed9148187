// Makes the image of a plugin, and what it may ask of the host, from its row in the route table; for everybody, and for users with a
// configuration of their own. Both must be made alike, or a user's plugin would have other rights than everybody's.
import type { SecretOpener } from "@hookbus/foundation";
import type { Permission, RoutedPlugin } from "@hookbus/schemas";
import { secretForms } from "../host-calls/log/mask-secrets.js";
import type { PluginRights } from "../host-calls/plugin-rights.js";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { LoadFault } from "../threads/thread-messages.js";
import type { ModuleStore } from "./module-store.js";

export interface MadeImage {
	readonly image: PluginImage;
	/** Absent: it is known from an earlier table, which had none for it. */
	readonly rights: PluginRights | undefined;
}

export type LoadedImage = MadeImage | FailedImage;

export interface FailedImage {
	readonly code: string;
	readonly message: string;
	/** Opened secrets by their field; absent: they cannot be opened. */
	readonly secrets: Readonly<Record<string, string>> | undefined;
	/** Absent: they cannot be had, whatever the configuration is. */
	readonly modules: LinkedModules | undefined;
}

/** What needs them leaves the thread and waits for an answer. */
const WAITING: ReadonlySet<Permission> = new Set(["network_access", "state", "write_files", "publish"]);

/** @param exports that the chains call */
export function imageKey(
	tenant: string,
	{ name, digest, configRevision }: Pick<RoutedPlugin, "name" | "digest" | "configRevision">,
	exports: readonly string[],
): string {
	return `${tenant}/${name}/${digest}/${configRevision}/${[...exports].sort().join()}`;
}

export interface ImageParts {
	readonly key: string;
	readonly modules: LinkedModules;
	/** Opened, by their field. */
	readonly secrets: Readonly<Record<string, string>>;
	/** Permissions that this deployment lets any plugin have. */
	readonly ceiling: ReadonlySet<Permission>;
	readonly ofUsers?: true;
}

/** Does not throw. */
export function makeImage(
	tenant: string,
	plugin: RoutedPlugin,
	{ key, modules, secrets, ceiling, ofUsers }: ImageParts,
): { readonly image: PluginImage; readonly rights: PluginRights } {
	const grants = plugin.grants.filter((permission) => ceiling.has(permission));
	const readable = grants.includes("read_secrets") ? secrets : {};
	return {
		image: {
			key,
			name: plugin.name,
			version: plugin.version,
			digest: plugin.digest,
			modules,
			config: extismConfig(plugin, readable),
			secrets: secretForms(Object.values(readable)),
			grants,
			waits: grants.some((permission) => WAITING.has(permission)),
			limits: plugin.limits,
			tools: plugin.tools,
			...(ofUsers === undefined ? {} : { ofUsers }),
		},
		rights: {
			tenant,
			plugin: plugin.name,
			permissions: new Set(grants),
			network: plugin.network,
			secrets,
			limits: plugin.limits,
		},
	};
}

/** Makes an instance away from the traffic. A machine that stood still for a moment looks like a plugin that hangs; only the second time is believed. */
export async function tryOut(image: PluginImage, executor: Pick<ChainExecutor, "probe">): Promise<LoadFault | undefined> {
	const fault = await executor.probe(image);
	return fault?.code === "timeout" ? await executor.probe(image) : fault;
}

/**
 * An image that goes on, with the limits of the new table. Threads and admission keep what they know of a key, so other limits are
 * another key. Rejects when its module cannot be had with the new limit of its memory.
 */
export async function underLimits(
	image: PluginImage,
	{ limits, configRevision }: Pick<RoutedPlugin, "limits" | "configRevision">,
	modules: Pick<ModuleStore, "get">,
): Promise<PluginImage> {
	const { digest, key } = image;
	const { memoryPages } = limits;
	// The limit of the memory stands in the compiled module.
	const isSame = memoryPages === image.limits.memoryPages;
	const linked = isSame ? image.modules : await modules.get({ digest, memoryPages, exports: [] });
	return { ...image, key: `${key.split("#", 1)[0]}#${configRevision}`, limits, modules: linked };
}

/** For the plugins that were granted to read them, and for the requests into which the host puts them. */
export async function openSecrets(
	tenant: string,
	{ name: plugin, grants, secrets }: Pick<RoutedPlugin, "name" | "grants" | "secrets">,
	box: SecretOpener,
	user?: string,
): Promise<Record<string, string>> {
	const opened: [string, string][] = [];
	if (!grants.includes("read_secrets") && !grants.includes("network_access")) return {};
	for (const [field, sealed] of Object.entries(secrets)) {
		opened.push([field, await box.open(sealed, { tenant, plugin, field, ...(user === undefined ? {} : { user }) })]);
	}
	return Object.fromEntries(opened);
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
