// A plugin's global configuration over REST. Secrets go in and never come out: an answer says only that one is set.
import { type Static, Type } from "@sinclair/typebox";
import { changeProperties } from "./change.js";

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
		description: "What was set, as it was set; a secret property is {set: true} or {set: false}",
	}),
	effective: Type.Record(Type.String(), Type.Unknown(), { description: "With every default filled in; without secrets" }),
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
