// Plugins as REST shows them.
import { type Static, Type } from "@sinclair/typebox";
import { Effect, HookName } from "../hook.js";
import { Digest, PluginName, SemVer, SubjectToken } from "../identifiers.js";
import { Manifest, Permission, PluginType, ToolDefinition } from "../manifest.js";
import { NetworkRule } from "../network-rule.js";
import { PluginProbe } from "../runtime-status.js";
import { Binding } from "./binding.js";
import { changeProperties } from "./change.js";
import { VersionOrigin } from "./marketplace.js";
import { LimitsDetail } from "./plugin-limits.js";
import { RecalledNote } from "./recall.js";
import { SignedBy } from "./trust.js";

export const PluginStatus = Type.Union([Type.Literal("enabled"), Type.Literal("disabled")], { $id: "PluginStatus" });
export type PluginStatus = Static<typeof PluginStatus>;

export const PluginNetwork = Type.Object(
	{
		asked: Type.Array(NetworkRule, { description: "What the manifest of the current version asks for" }),
		granted: Type.Array(NetworkRule),
		missing: Type.Array(NetworkRule, { description: "Asked for and not granted; then network_access is missing too" }),
	},
	{ additionalProperties: false, $id: "PluginNetwork" },
);
export type PluginNetwork = Static<typeof PluginNetwork>;

export const PluginPermissions = Type.Object(
	{
		asked: Type.Array(Permission, { description: "What the manifest of the current version asks for" }),
		granted: Type.Array(Permission),
		missing: Type.Array(Permission, {
			description:
				"Asked for and not granted, network_access also when one of its rules is not; the plugin cannot be enabled while this is not empty",
		}),
		network: Type.Optional(PluginNetwork),
	},
	{ additionalProperties: false, $id: "PluginPermissions" },
);
export type PluginPermissions = Static<typeof PluginPermissions>;

export const DisabledReason = Type.Object(
	{
		reason: Type.String({ description: "How its last invocation ended" }),
		time: Type.String({ description: "When it was disabled: RFC 3339, UTC" }),
		version: SemVer,
		runtime: SubjectToken,
	},
	{
		additionalProperties: false,
		$id: "DisabledReason",
		description:
			"The version kept failing in this runtime until the runtime gave it up, so the control plane disabled the plugin",
	},
);
export type DisabledReason = Static<typeof DisabledReason>;

const summaryProperties = {
	name: PluginName,
	version: SemVer,
	digest: Digest,
	status: PluginStatus,
	disabledReason: Type.Optional(DisabledReason),
	// The current version was recalled: it cannot be enabled.
	recalled: Type.Optional(RecalledNote),
	description: Type.String(),
	type: Type.Optional(PluginType),
	category: Type.Optional(Type.String()),
	tags: Type.Array(Type.String()),
	hooks: Type.Array(Type.Object({ hook: HookName, effect: Effect }, { additionalProperties: false })),
	permissions: PluginPermissions,
	createdAt: Type.String({ description: "RFC 3339, UTC" }),
	updatedAt: Type.String({ description: "RFC 3339, UTC" }),
};

export const PluginSummary = Type.Object(summaryProperties, { additionalProperties: false, $id: "PluginSummary" });
export type PluginSummary = Static<typeof PluginSummary>;

export const PluginList = Type.Object(
	{
		items: Type.Array(PluginSummary),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent on the last one" })),
	},
	{ additionalProperties: false, $id: "PluginList" },
);
export type PluginList = Static<typeof PluginList>;

export const PluginVersion = Type.Object(
	{
		version: SemVer,
		digest: Digest,
		size: Type.Integer({ minimum: 8, description: "Bytes of the module" }),
		current: Type.Boolean(),
		createdAt: Type.String({ description: "RFC 3339, UTC" }),
		createdBy: Type.String({ description: "Name of the API key that uploaded it" }),
		signedBy: Type.Optional(SignedBy),
		origin: Type.Optional(VersionOrigin),
		recalled: Type.Optional(RecalledNote),
	},
	{ additionalProperties: false, $id: "PluginVersion" },
);
export type PluginVersion = Static<typeof PluginVersion>;

export const PluginVersionList = Type.Object(
	{ items: Type.Array(PluginVersion) },
	{ additionalProperties: false, $id: "PluginVersionList" },
);
export type PluginVersionList = Static<typeof PluginVersionList>;

const { version, healthy, failures, message, time } = PluginProbe.properties;

export const PluginHealth = Type.Object(
	{
		status: Type.Union([Type.Literal("running"), Type.Literal("failing"), Type.Literal("idle"), Type.Literal("unknown")], {
			description:
				"running: in the route table and every live runtime took it; failing: a runtime could not take it, or it says there that it is not well; idle: in no chain; unknown: no live runtime",
		}),
		faults: Type.Array(
			Type.Object(
				{
					runtime: SubjectToken,
					code: Type.String(),
					message: Type.String(),
					running: Type.Optional(SemVer),
					user: Type.Optional(Type.String({ description: "Only this user's own configuration failed" })),
				},
				{ additionalProperties: false },
			),
		),
		probes: Type.Array(
			Type.Object({ runtime: SubjectToken, version, healthy, failures, message, time }, { additionalProperties: false }),
			{
				description: "What it said when the runtimes asked its export health, the last answer of each; empty without that export",
			},
		),
		recent: Type.Object(
			{
				minutes: Type.Integer({ description: "Length of the window that ends now" }),
				calls: Type.Integer({ minimum: 0 }),
				errors: Type.Integer({ minimum: 0 }),
			},
			{ additionalProperties: false },
		),
	},
	{ additionalProperties: false, $id: "PluginHealth" },
);
export type PluginHealth = Static<typeof PluginHealth>;

export const PluginDetail = Type.Object(
	{
		...summaryProperties,
		manifest: Manifest,
		signedBy: Type.Optional(SignedBy),
		// Whose packages are this plugin, since its first signed package: one with another signature or with none is refused.
		publisher: Type.Optional(SignedBy),
		readme: Type.Optional(Type.String()),
		tools: Type.Array(ToolDefinition),
		limits: LimitsDetail,
		versions: Type.Array(PluginVersion),
		bindings: Type.Array(Binding),
		health: PluginHealth,
	},
	{ additionalProperties: false, $id: "PluginDetail" },
);
export type PluginDetail = Static<typeof PluginDetail>;

export const PluginChange = Type.Object(
	{
		plugin: PluginDetail,
		created: Type.Boolean({ description: "Install and new version: false when exactly this version was there already" }),
		warnings: Type.Array(
			Type.Object(
				{ path: Type.String({ description: "JSON Pointer into the manifest" }), message: Type.String() },
				{ additionalProperties: false },
			),
		),
		...changeProperties,
	},
	{ additionalProperties: false, $id: "PluginChange" },
);
export type PluginChange = Static<typeof PluginChange>;

export const GrantsBody = Type.Object(
	{
		permissions: Type.Array(Permission, { maxItems: 16, uniqueItems: true, description: "All that are granted from now on" }),
		network: Type.Optional(
			Type.Array(NetworkRule, {
				minItems: 1,
				maxItems: 16,
				description:
					"With network_access: the rules that are granted, exactly as the manifest has them; absent: all rules of the current version. Send what you saw, so that a version that came in between is not granted more",
			}),
		),
	},
	{ additionalProperties: false, $id: "GrantsBody" },
);
export type GrantsBody = Static<typeof GrantsBody>;
