// A plugin's configuration over REST, as one scope sets it and as it counts there. Secrets go in and never come out: an answer says
// only that one is set.
import { type Static, Type } from "@sinclair/typebox";
import { AssistantScope } from "./binding.js";
import { changeProperties, WaitQuery } from "./change.js";
import { UserId } from "./opt-in.js";

/** Who decides a value; each comes over those before it. */
export const ConfigSource = Type.Union(
	[Type.Literal("default"), Type.Literal("tenant"), Type.Literal("assistant"), Type.Literal("user")],
	{
		$id: "ConfigSource",
		description:
			"default: the schema's or the manifest's; tenant: the plugin's configuration or the tenant's binding; assistant: its binding; user: the user's own",
	},
);
export type ConfigSource = Static<typeof ConfigSource>;

const scopeProperties = {
	assistant: Type.Optional(AssistantScope),
	user: Type.Optional(UserId),
};

export const ConfigQuery = Type.Object(scopeProperties, {
	additionalProperties: false,
	$id: "ConfigQuery",
	description:
		"assistant: with what its binding lays over it (*: the tenant's binding); user: with what the user has as their own; both: the assistant's first; none: the plugin's configuration by itself",
});
export type ConfigQuery = Static<typeof ConfigQuery>;

export const ConfigChangeQuery = Type.Object(
	{ ...scopeProperties, ...WaitQuery.properties },
	{
		additionalProperties: false,
		$id: "ConfigChangeQuery",
		description:
			"Whose configuration is set: of the assistant's binding (*: the tenant's), or of the user; none: the plugin's. Not both",
	},
);
export type ConfigChangeQuery = Static<typeof ConfigChangeQuery>;

export const PluginConfigBody = Type.Object(
	{
		config: Type.Record(Type.String(), Type.Unknown(), {
			description:
				"The whole configuration. A secret property: text sets it, null removes it, absent or {set: …} keeps it as it is. Any other property that is absent has its default",
		}),
	},
	{ additionalProperties: false, $id: "PluginConfigBody" },
);
export type PluginConfigBody = Static<typeof PluginConfigBody>;

const configProperties = {
	config: Type.Record(Type.String(), Type.Unknown(), {
		description:
			"What was set in this scope (user before assistant), as it was set; a secret property is {set: true} or {set: false}",
	}),
	effective: Type.Record(Type.String(), Type.Unknown(), {
		description: "What counts in this scope, with every default filled in; without secrets",
	}),
	sources: Type.Record(Type.String(), ConfigSource, {
		description:
			"Where each value of effective comes from, by its JSON Pointer; in an object that several lay over each other each value has its own",
	}),
	secrets: Type.Record(
		Type.String(),
		Type.Object({ set: Type.Boolean(), from: Type.Optional(ConfigSource) }, { additionalProperties: false }),
		{ description: "Secret properties: whether one counts in this scope, and whose it is" },
	),
	overruled: Type.Optional(
		Type.Literal(true, {
			description: "The tenant's binding is mandatory, so what this assistant or user has does not count",
		}),
	),
	schema: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "JSON Schema from the manifest" })),
	updatedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC; absent when nothing was set yet" })),
};

export const PluginConfig = Type.Object(configProperties, { additionalProperties: false, $id: "PluginConfig" });
export type PluginConfig = Static<typeof PluginConfig>;

export const PluginConfigChange = Type.Object(
	{ ...configProperties, ...changeProperties },
	{ additionalProperties: false, $id: "PluginConfigChange" },
);
export type PluginConfigChange = Static<typeof PluginConfigChange>;

export const UserConfigEntry = Type.Object(
	{
		user: UserId,
		fields: Type.Array(Type.String(), { description: "Properties that the user has as their own, secrets included" }),
		by: Type.String({ description: "Name of the API key" }),
		updatedAt: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "UserConfigEntry" },
);
export type UserConfigEntry = Static<typeof UserConfigEntry>;

export const UserConfigList = Type.Object(
	{
		items: Type.Array(UserConfigEntry),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent: this is the last" })),
	},
	{ additionalProperties: false, $id: "UserConfigList" },
);
export type UserConfigList = Static<typeof UserConfigList>;

export const UserConfigsRemoved = Type.Object(
	{
		plugins: Type.Array(Type.String(), { description: "Plugins for which the user had a configuration of their own" }),
		...changeProperties,
	},
	{ additionalProperties: false, $id: "UserConfigsRemoved" },
);
export type UserConfigsRemoved = Static<typeof UserConfigsRemoved>;
