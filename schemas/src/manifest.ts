// The manifest (plugin.yaml or plugin.json): what a plugin is, which hooks it wants, and what it asks to be allowed.
// Nothing in it is a right: effects and paths are enforced by the runtime, permissions count only when granted.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Effect, HOOKS, HookName, ToolPhase } from "./hook.js";
import { JsonPointer, PluginName, SemVer, ToolName } from "./identifiers.js";
import { NetworkRule } from "./network-rule.js";

/** The plugin host API that this release offers; a manifest's `hookbus` range must include it. */
export const HOST_API_VERSION = "1.0.0";

/** Largest module in bytes (15 MiB). */
export const MAX_MODULE_BYTES = 15 * 1024 * 1024;

/** Size of one page of Wasm memory in bytes. */
export const WASM_PAGE_BYTES = 65_536;

export const Permission = Type.Union(
	[
		Type.Literal("read_messages"),
		Type.Literal("read_secrets"),
		Type.Literal("state"),
		Type.Literal("write_files"),
		Type.Literal("publish"),
		Type.Literal("network_access"),
	],
	{
		$id: "Permission",
		description:
			"read_messages: see the text of messages, arguments and results (without it only envelope and shape); read_secrets: see its own secret configuration values; state: keep values and use once; write_files: keep files; publish: publish events of its own; network_access: send HTTP requests that fit its network rules",
	},
);
export type Permission = Static<typeof Permission>;

export const HookEntry = Type.Object(
	{
		hook: HookName,
		effect: Effect,
		order: Type.Optional(
			Type.Integer({
				minimum: -1_000_000,
				maximum: 1_000_000,
				default: 100,
				description: "Ascending; ties by plugin name. A binding may override it",
			}),
		),
		paths: Type.Optional(
			Type.Array(JsonPointer, {
				maxItems: 32,
				description: "effect transform: where its patches may write, and everything below",
			}),
		),
		phases: Type.Optional(
			Type.Array(ToolPhase, {
				minItems: 1,
				maxItems: 2,
				uniqueItems: true,
				description: "on_tool_call: in which phases it runs; default: both, claim: request only",
			}),
		),
	},
	{ additionalProperties: false, $id: "HookEntry" },
);
export type HookEntry = Static<typeof HookEntry>;

export const ToolDefinition = Type.Object(
	{
		name: ToolName,
		description: Type.String({
			minLength: 1,
			maxLength: 2_000,
			description: "For the model: what the tool does and when to use it",
		}),
		parameters: Type.Record(Type.String(), Type.Unknown(), {
			description: "JSON Schema of the arguments; the runtime checks every call against it",
		}),
	},
	{ additionalProperties: false, $id: "ToolDefinition" },
);
export type ToolDefinition = Static<typeof ToolDefinition>;

export const PluginLimits = Type.Object(
	{
		timeoutMs: Type.Optional(
			Type.Integer({ minimum: 1, maximum: 10_000, default: 250, description: "Milliseconds for one invocation" }),
		),
		memoryPages: Type.Optional(
			Type.Integer({ minimum: 1, maximum: 2_048, default: 256, description: "Most pages of 64 KiB that its memory may have" }),
		),
		outputBytes: Type.Optional(
			Type.Integer({ minimum: 1_024, maximum: 1_048_576, default: 262_144, description: "Largest result in bytes" }),
		),
		concurrency: Type.Optional(
			Type.Integer({
				minimum: 1,
				maximum: 1_024,
				default: 512,
				description:
					"Events that it may have in one runtime at the same time; more wait a moment and then go on without it, as overloaded",
			}),
		),
		stateBytes: Type.Optional(
			Type.Integer({
				minimum: 0,
				maximum: 16_777_216,
				default: 1_048_576,
				description: "permission state: bytes of all names and values that it may keep",
			}),
		),
		fileBytes: Type.Optional(
			Type.Integer({
				minimum: 0,
				maximum: 268_435_456,
				default: 16_777_216,
				description: "permission write_files: bytes of all names and files that it may keep",
			}),
		),
		ratePerMinute: Type.Optional(
			Type.Integer({
				minimum: 1,
				maximum: 1_000_000,
				description: "Invocations a minute, over all runtimes; absent: any number",
			}),
		),
		costPerDay: Type.Optional(
			Type.Number({
				exclusiveMinimum: 0,
				description: "US dollars that its results may report as usage.cost in a day (UTC), over all runtimes; absent: any sum",
			}),
		),
	},
	{ additionalProperties: false, $id: "PluginLimits" },
);
export type PluginLimits = Static<typeof PluginLimits>;

/** Limits with the defaults of those that have one. Rate and cost are limited only when somebody says so. */
export const EffectiveLimits = Type.Composite(
	[
		Type.Required(Type.Omit(PluginLimits, ["ratePerMinute", "costPerDay"])),
		Type.Pick(PluginLimits, ["ratePerMinute", "costPerDay"]),
	],
	{ additionalProperties: false, $id: "EffectiveLimits" },
);
export type EffectiveLimits = Static<typeof EffectiveLimits>;

export const DEFAULT_LIMITS: Readonly<EffectiveLimits> = {
	timeoutMs: 250,
	memoryPages: 256,
	outputBytes: 262_144,
	concurrency: 512,
	stateBytes: 1_048_576,
	fileBytes: 16_777_216,
};

export const PluginType = Type.Union(
	["image", "audio", "video", "automation", "api_tool", "notify", "custom"].map((name) => Type.Literal(name)),
	{ $id: "PluginType" },
);

export const Manifest = Type.Object(
	{
		name: PluginName,
		version: SemVer,
		description: Type.String({ minLength: 1, maxLength: 500 }),
		author: Type.Optional(Type.String({ maxLength: 200 })),
		license: Type.Optional(Type.String({ maxLength: 64, description: "SPDX identifier" })),
		homepage: Type.Optional(Type.String({ maxLength: 300, pattern: "^https?://" })),
		repository: Type.Optional(Type.String({ maxLength: 300, pattern: "^https?://" })),
		icon: Type.Optional(Type.String({ maxLength: 100, description: "File name of the icon inside the package" })),
		category: Type.Optional(Type.String({ maxLength: 64 })),
		tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 32 }), { maxItems: 16 })),
		type: Type.Optional(PluginType),
		runtime: Type.Optional(
			Type.Literal("api_call", {
				description:
					"The package has no module of its own: that of the plugin api-call answers its tools, by the requests in defaults.endpoints",
			}),
		),
		hookbus: Type.String({ maxLength: 64, description: "Semver range of the host API, such as ^1.0.0" }),
		hooks: Type.Array(HookEntry, { minItems: 1, maxItems: 16 }),
		tools: Type.Optional(Type.Array(ToolDefinition, { maxItems: 64 })),
		permissions: Type.Optional(
			Type.Array(Permission, { maxItems: 16, uniqueItems: true, description: "Asked for; an admin grants them" }),
		),
		network: Type.Optional(
			Type.Array(NetworkRule, { maxItems: 16, description: "permission network_access: the requests that it wants to send" }),
		),
		config: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), {
				description:
					"JSON Schema (type object) of the configuration; secret: true marks a secret property, userScope: false one that no user may have as their own",
			}),
		),
		defaults: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), { description: "Configuration that applies unless an admin sets another" }),
		),
		limits: Type.Optional(PluginLimits),
		dependencies: Type.Optional(
			Type.Record(PluginName, Type.String({ minLength: 1, maxLength: 64 }), {
				additionalProperties: false,
				maxProperties: 32,
				description: "Other plugins that it needs, each with the semver range of versions that will do",
			}),
		),
	},
	{ additionalProperties: false, $id: "Manifest", description: "plugin.yaml or plugin.json of a package" },
);
export type Manifest = Static<typeof Manifest>;

export interface ManifestFault {
	/** JSON Pointer into the manifest. */
	path: string;
	message: string;
}

const check = TypeCompiler.Compile(Manifest);

/**
 * Everything wrong with a manifest, each with its path; an empty list means that the value is a {@link Manifest}.
 * Semver ranges and JSON Schemas inside it are checked by the control plane, which has the libraries for them.
 */
export function manifestFaults(value: unknown): ManifestFault[] {
	const faults: ManifestFault[] = [];
	for (const error of check.Errors(value)) {
		faults.push({ path: error.path, message: error.message });
		if (faults.length >= 50) return faults;
	}
	if (faults.length > 0) return faults;
	return ruleFaults(value as Manifest);
}

function ruleFaults(manifest: Manifest): ManifestFault[] {
	const faults: ManifestFault[] = [];
	const seen = new Set<string>();
	manifest.hooks.forEach((entry, index) => {
		const at = `/hooks/${index}`;
		if (!HOOKS[entry.hook].effects.includes(entry.effect)) {
			faults.push({
				path: `${at}/effect`,
				message: `${entry.hook} allows ${HOOKS[entry.hook].effects.join(", ")}; ${entry.effect} is not one of them`,
			});
		}
		if (entry.effect === "transform" && (entry.paths ?? []).length === 0) {
			faults.push({ path: `${at}/paths`, message: "effect transform needs the paths that it writes, such as [/messages]" });
		}
		if (entry.effect !== "transform" && entry.paths !== undefined) {
			faults.push({ path: `${at}/paths`, message: `effect ${entry.effect} cannot patch; remove paths` });
		}
		if (entry.phases !== undefined && entry.hook !== "on_tool_call") {
			faults.push({ path: `${at}/phases`, message: `${entry.hook} has no phases; only on_tool_call has` });
		}
		if (entry.effect === "claim" && entry.phases?.includes("result")) {
			faults.push({ path: `${at}/phases`, message: "a claim answers instead of the tool, so it runs in phase request only" });
		}
		if (seen.has(entry.hook)) {
			faults.push({ path: at, message: `${entry.hook} is listed twice; one entry for each hook` });
		}
		seen.add(entry.hook);
		if (manifest.runtime === "api_call" && entry.hook !== "on_tool_call") {
			faults.push({ path: `${at}/hook`, message: "runtime api_call answers tools at on_tool_call, and runs at no other hook" });
		}
	});
	faults.push(...networkFaults(manifest));
	const toolNames = new Set<string>();
	(manifest.tools ?? []).forEach((tool, index) => {
		if (toolNames.has(tool.name)) faults.push({ path: `/tools/${index}/name`, message: `tool ${tool.name} is listed twice` });
		toolNames.add(tool.name);
	});
	const claimsTools = manifest.hooks.some((entry) => entry.hook === "on_tool_call" && entry.effect === "claim");
	if (claimsTools && toolNames.size === 0) {
		faults.push({ path: "/tools", message: "a claim on on_tool_call needs the tools that it answers" });
	}
	if (toolNames.size > 0 && !claimsTools) {
		faults.push({ path: "/hooks", message: "tools need an entry {hook: on_tool_call, effect: claim}" });
	}
	return faults;
}

function networkFaults({ permissions, network }: Manifest): ManifestFault[] {
	const asks = permissions?.includes("network_access") ?? false;
	const rules = network ?? [];
	if (asks && rules.length === 0) {
		return [{ path: "/network", message: "network_access needs the requests that it is for, such as [{host: api.example.com}]" }];
	}
	if (!asks && rules.length > 0) {
		return [{ path: "/permissions", message: "network rules need the permission network_access" }];
	}
	return rules.flatMap(({ secrets }, rule) =>
		(secrets ?? []).flatMap(({ header, query }, index) =>
			(header === undefined) === (query === undefined)
				? [
						{
							path: `/network/${rule}/secrets/${index}`,
							message: "a secret goes into a header or into a query parameter: one of them",
						},
					]
				: [],
		),
	);
}
