// What a plugin ran with over time, and the way back, over REST.
import { type Static, Type } from "@sinclair/typebox";
import { SemVer } from "../identifiers.js";
import { Permission, PluginLimits } from "../manifest.js";
import { NetworkRule } from "../network-rule.js";

export const PluginSnapshot = Type.Object(
	{
		revision: Type.Integer({ minimum: 0, description: "Revision of the route table since which it was so" }),
		version: SemVer,
		enabled: Type.Boolean({ description: "Whether it could run then; a rollback without a name goes to what ran" }),
		config: Type.Record(Type.String(), Type.Unknown(), { description: "What was set, without secrets" }),
		secretsSet: Type.Array(Type.String(), { description: "Names of the secrets that were set" }),
		grants: Type.Array(Permission),
		network: Type.Array(NetworkRule),
		limits: PluginLimits,
		restored: Type.Optional(
			Type.Integer({ minimum: 0, description: "A rollback made it: revision of the snapshot that it brought back" }),
		),
		by: Type.String({ description: "Name of the API key, or system" }),
		at: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "PluginSnapshot" },
);
export type PluginSnapshot = Static<typeof PluginSnapshot>;

export const PluginHistory = Type.Object(
	{
		items: Type.Array(PluginSnapshot, { description: "Newest first" }),
		next: Type.Optional(Type.Integer({ minimum: 0, description: "Send it as before for the next page; absent on the last one" })),
	},
	{ additionalProperties: false, $id: "PluginHistory" },
);
export type PluginHistory = Static<typeof PluginHistory>;

export const RollbackBody = Type.Object(
	{
		version: Type.Optional(SemVer),
		revision: Type.Optional(Type.Integer({ minimum: 0, description: "To exactly this snapshot of the history" })),
	},
	{
		additionalProperties: false,
		$id: "RollbackBody",
		description: "Empty or absent: to what ran before what runs now; each further call goes one step further back",
	},
);
export type RollbackBody = Static<typeof RollbackBody>;
