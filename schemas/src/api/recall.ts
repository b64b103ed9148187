// Recalls as REST shows them: versions that must not run any more, by the module's digest or by plugin and version range.
import { type Static, Type } from "@sinclair/typebox";
import { Digest, PluginName, SemVer } from "../identifiers.js";
import { changeProperties } from "./change.js";

const recalled = {
	digest: Type.Optional(
		Type.String({ pattern: Digest.pattern as string, description: "SHA-256 of the module, whichever plugin has it" }),
	),
	plugin: Type.Optional(PluginName),
	versions: Type.Optional(
		Type.String({ minLength: 1, maxLength: 200, description: "With plugin: a semver range, prereleases included; absent: all" }),
	),
	reason: Type.String({ minLength: 1, maxLength: 500, description: "For everybody who meets it" }),
};

export const NewRecall = Type.Object(
	{
		...recalled,
		everywhere: Type.Optional(
			Type.Boolean({ description: "In every tenant; for admins of the tenant default. Absent: in the caller's" }),
		),
	},
	{ additionalProperties: false, $id: "NewRecall", description: "Either digest, or plugin and versions" },
);
export type NewRecall = Static<typeof NewRecall>;

export const Recall = Type.Object(
	{
		id: Type.String(),
		...recalled,
		everywhere: Type.Boolean(),
		signer: Type.Optional(
			Type.String({ pattern: Digest.pattern as string, description: "Key of the marketplace whose index declared it" }),
		),
		declaredAt: Type.String({ description: "RFC 3339, UTC" }),
		declaredBy: Type.String({ description: "Name of the API key that declared it, or of the source" }),
		liftedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC; absent: it counts" })),
		liftedBy: Type.Optional(Type.String()),
	},
	{ additionalProperties: false, $id: "Recall" },
);
export type Recall = Static<typeof Recall>;

export const RecallList = Type.Object({ items: Type.Array(Recall) }, { additionalProperties: false, $id: "RecallList" });
export type RecallList = Static<typeof RecallList>;

export const DisabledByRecall = Type.Object(
	{ plugin: PluginName, version: SemVer },
	{ additionalProperties: false, $id: "DisabledByRecall" },
);
export type DisabledByRecall = Static<typeof DisabledByRecall>;

export const RecallChange = Type.Object(
	{
		recall: Recall,
		disabled: Type.Array(DisabledByRecall, { description: "What the recall disabled in the caller's tenant" }),
		...changeProperties,
	},
	{ additionalProperties: false, $id: "RecallChange" },
);
export type RecallChange = Static<typeof RecallChange>;

/** At a plugin and at a version: that it was recalled, and why. */
export const RecalledNote = Type.Object(
	{ recall: Type.String({ description: "Id of the recall" }), reason: Type.String() },
	{ additionalProperties: false, $id: "RecalledNote" },
);
export type RecalledNote = Static<typeof RecalledNote>;
