// Bindings as REST shows and takes them: a plugin at an assistant, or at the whole tenant.
import { type Static, Type } from "@sinclair/typebox";
import { BindingMode, FailurePolicy } from "../hook.js";
import { PluginName, SubjectToken } from "../identifiers.js";
import { changeProperties } from "./change.js";

/** Stands for the tenant scope where an assistant's id is expected. No assistant can have this id. */
export const ALL_ASSISTANTS = "*";

export const AssistantScope = Type.Union([SubjectToken, Type.Literal(ALL_ASSISTANTS)], {
	$id: "AssistantScope",
	description: "An assistant's id, or * for every assistant of the tenant",
});
export type AssistantScope = Static<typeof AssistantScope>;

const settingProperties = {
	enabled: Type.Optional(
		Type.Boolean({
			default: true,
			description: "false: the plugin does not run in this scope; an assistant's false switches off the tenant's binding",
		}),
	),
	order: Type.Optional(
		Type.Integer({
			minimum: -1_000_000,
			maximum: 1_000_000,
			description: "Own number, ascending, for every hook of the plugin; absent: the manifest's, mirrored on response hooks",
		}),
	),
	mode: Type.Optional(BindingMode),
	onError: Type.Optional(FailurePolicy),
	timeoutMs: Type.Optional(
		Type.Integer({ minimum: 1, maximum: 10_000, description: "Milliseconds for one invocation; absent: the manifest's limit" }),
	),
	config: Type.Optional(
		Type.Record(Type.String(), Type.Unknown(), {
			description:
				"Laid over the plugin's configuration: objects are merged, everything else replaces. Secrets cannot stand here",
		}),
	),
	percentage: Type.Optional(
		Type.Number({
			minimum: 0,
			maximum: 100,
			description:
				"Share of the conversations for which it runs, always the same ones (events without a conversation: of the events); absent: all",
		}),
	),
	optIn: Type.Optional(
		Type.Boolean({
			description:
				"true: runs only for users who opted in to this binding, see /assistants/{id}/plugins/{plugin}/users; not together with mandatory",
		}),
	),
	recordPatches: Type.Optional(
		Type.Boolean({
			description:
				"true: executions hold the patch that the plugin returned, which is text of conversations; setting it needs the role admin. Absent: inherited, in the end false",
		}),
	),
	mandatory: Type.Optional(
		Type.Boolean({ default: false, description: "Tenant scope only: assistants can neither switch it off nor override it" }),
	),
};

export const BindingSettings = Type.Object(settingProperties, {
	additionalProperties: false,
	$id: "BindingSettings",
	description: "Whole settings of a binding: what is absent is inherited (assistant from tenant) or has its default",
});
export type BindingSettings = Static<typeof BindingSettings>;

export const NewBinding = Type.Object(
	{ plugin: PluginName, ...settingProperties },
	{ additionalProperties: false, $id: "NewBinding" },
);
export type NewBinding = Static<typeof NewBinding>;

export const Binding = Type.Object(
	{
		plugin: PluginName,
		assistant: AssistantScope,
		...settingProperties,
		enabled: Type.Boolean(),
		mandatory: Type.Boolean(),
		createdAt: Type.String({ description: "RFC 3339, UTC" }),
		updatedAt: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "Binding" },
);
export type Binding = Static<typeof Binding>;

export const BindingList = Type.Object({ items: Type.Array(Binding) }, { additionalProperties: false, $id: "BindingList" });
export type BindingList = Static<typeof BindingList>;

export const BindingChange = Type.Object(
	{ binding: Binding, ...changeProperties },
	{ additionalProperties: false, $id: "BindingChange" },
);
export type BindingChange = Static<typeof BindingChange>;
