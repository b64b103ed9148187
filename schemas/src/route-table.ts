// The route table of a tenant: the compiled, numbered snapshot of all its bindings. The control plane resolves scopes,
// orders and configuration once, when something changes; the runtime only looks up.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Arm, BindingMode, Effect, FailurePolicy, HookName, ToolPhase } from "./hook.js";
import { Digest, JsonPointer, PluginName, SemVer, SubjectToken } from "./identifiers.js";
import { EffectiveLimits, Permission, ToolDefinition } from "./manifest.js";
import { NetworkRule } from "./network-rule.js";

/** A secret sealed for the runtime: flattened JWE (RFC 7516), `dir` + A256GCM, bound by its AAD to its place and its key. */
export const SealedSecret = Type.Object(
	{
		jwe: Type.Record(Type.String(), Type.Unknown()),
		valueId: Type.Optional(
			Type.String({ description: "Names the value that was set; stays when it is sealed anew. Absent: its seal's tag does" }),
		),
	},
	{
		$id: "SealedSecret",
		description:
			"Flattened JWE (RFC 7516), dir + A256GCM; additional data, not stored with it: tenant, plugin, field, the user if it is one's own, the data key's id",
	},
);
export type SealedSecret = Static<typeof SealedSecret>;

/** One plugin as some bindings need it: a version, a configuration, rights and limits. */
export const RoutedPlugin = Type.Object(
	{
		name: PluginName,
		version: SemVer,
		digest: Digest,
		size: Type.Integer({ minimum: 8, description: "Bytes of the module" }),
		configRevision: Type.String({
			description:
				"Changes whenever config, secrets, grants or limits change, and whenever the plugin is enabled; instances are never shared across it",
		}),
		config: Type.Record(Type.String(), Type.Unknown(), { description: "Effective configuration without secrets" }),
		secrets: Type.Record(Type.String(), SealedSecret),
		grants: Type.Array(Permission),
		network: Type.Array(NetworkRule, { description: "Rules that the manifest asks for and an admin granted" }),
		limits: EffectiveLimits,
		tools: Type.Array(ToolDefinition),
	},
	{ $id: "RoutedPlugin" },
);
export type RoutedPlugin = Static<typeof RoutedPlugin>;

/** The configuration that one user has instead of everybody's: of one plugin as some bindings need it. */
export const UserConfig = Type.Object(
	{
		user: Type.String({ description: "Id of the user as events carry it" }),
		configRevision: Type.String({ description: "As that of a routed plugin, for this user" }),
		config: Type.Record(Type.String(), Type.Unknown(), {
			description: "Top-level properties of the effective configuration that are not as everybody has them",
		}),
		secrets: Type.Record(Type.String(), SealedSecret, {
			description: "The user's own, sealed for the user; those of the plugin count beside them",
		}),
	},
	{ $id: "UserConfig" },
);
export type UserConfig = Static<typeof UserConfig>;

/** Conversations fall into so many buckets; a step with a share runs for some of them. */
export const SHARE_BUCKETS = 1_000_000;

/** One place in a chain. */
export const RouteStep = Type.Object(
	{
		plugin: Type.String({ description: "Key in plugins" }),
		effect: Effect,
		mode: BindingMode,
		onError: FailurePolicy,
		order: Type.Integer(),
		timeoutMs: Type.Integer({ minimum: 1, description: "Milliseconds for one invocation; the event's deadline can shorten it" }),
		paths: Type.Array(JsonPointer),
		phases: Type.Optional(Type.Array(ToolPhase)),
		share: Type.Optional(
			Type.Object(
				{
					from: Type.Integer({ minimum: 0, maximum: SHARE_BUCKETS }),
					below: Type.Integer({ minimum: 0, maximum: SHARE_BUCKETS }),
				},
				{
					description: `Runs only for conversations (events without one: for events) whose bucket, of ${SHARE_BUCKETS}, is in this range; absent: for all`,
				},
			),
		),
		arm: Type.Optional(Arm),
		recordPatches: Type.Optional(Type.Boolean({ description: "true: executions hold the patch; absent: they do not" })),
		optIn: Type.Optional(Type.String({ description: "Key in optIns: runs only for these users; absent: for all" })),
	},
	{ $id: "RouteStep" },
);
export type RouteStep = Static<typeof RouteStep>;

/** A running recording: a copy of the events that match goes to its subjects. */
export const RoutedRecording = Type.Object(
	{
		id: SubjectToken,
		hook: Type.Optional(HookName),
		assistant: Type.Optional(SubjectToken),
		below: Type.Optional(
			Type.Integer({
				minimum: 0,
				maximum: SHARE_BUCKETS,
				description: `Only conversations (events without one: events) whose bucket, of ${SHARE_BUCKETS}, is below this; absent: all`,
			}),
		),
		maxEvents: Type.Integer({ minimum: 1 }),
		until: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ $id: "RoutedRecording" },
);
export type RoutedRecording = Static<typeof RoutedRecording>;

export const HookRoutes = Type.Object(
	{
		all: Type.Optional(
			Type.Array(RouteStep, { description: "Chain of every assistant that is not listed; absent: only listed ones have one" }),
		),
		assistants: Type.Record(SubjectToken, Type.Array(RouteStep)),
	},
	{ $id: "HookRoutes" },
);
export type HookRoutes = Static<typeof HookRoutes>;

export const RouteTable = Type.Object(
	{
		spec: Type.Literal("1"),
		tenant: SubjectToken,
		revision: Type.Integer({ minimum: 1, description: "Grows by at least one with every change of the tenant" }),
		compiledAt: Type.String(),
		plugins: Type.Record(Type.String(), RoutedPlugin),
		optIns: Type.Optional(
			Type.Record(Type.String(), Type.Array(Type.String()), {
				description: "Ids of the users who opted in, by the key that steps name",
			}),
		),
		dataKeys: Type.Optional(
			Type.Record(Type.String(), SealedSecret, {
				description:
					"Keys that the secrets were sealed with, by their id, wrapped with the master key; absent: it sealed them itself, or there are none",
			}),
		),
		userConfigs: Type.Optional(
			Type.Record(Type.String(), Type.Array(UserConfig), {
				description:
					"Users who have a configuration of their own, by the key in plugins; for all others the plugin runs as it stands there",
			}),
		),
		recalled: Type.Optional(
			Type.Array(Digest, {
				description: "Modules that must not run any more, also not where a runtime would go on with the version before",
			}),
		),
		recordings: Type.Optional(Type.Array(RoutedRecording, { description: "Recordings that run; absent: none" })),
		hooks: Type.Object({
			on_chat_message: Type.Optional(HookRoutes),
			on_tool_call: Type.Optional(HookRoutes),
			on_before_response: Type.Optional(HookRoutes),
			on_after_response: Type.Optional(HookRoutes),
		}),
	},
	{ $id: "RouteTable", description: "All bindings of a tenant, compiled and numbered" },
);
export type RouteTable = Static<typeof RouteTable>;

const check = TypeCompiler.Compile(RouteTable);
const checkPlugin = TypeCompiler.Compile(RoutedPlugin);
const checkUser = TypeCompiler.Compile(UserConfig);
const checkSteps = TypeCompiler.Compile(Type.Array(RouteStep));

/** True when the value is a route table. Does not throw. */
export function isRouteTable(value: unknown): value is RouteTable {
	return check.Check(value);
}

/** True when the value is one plugin of a route table. Does not throw. */
export function isRoutedPlugin(value: unknown): value is RoutedPlugin {
	return checkPlugin.Check(value);
}

/** True when the value is the configuration of one user. Does not throw. */
export function isUserConfig(value: unknown): value is UserConfig {
	return checkUser.Check(value);
}

/** True when the value is the list of steps of one chain. Does not throw. */
export function isRouteSteps(value: unknown): value is RouteStep[] {
	return checkSteps.Check(value);
}
