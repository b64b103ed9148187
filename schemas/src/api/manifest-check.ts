// Answer of validate-manifest: what an author sees before anything is uploaded.
import { type Static, Type } from "@sinclair/typebox";
import { Manifest } from "../manifest.js";

export const ManifestNote = Type.Object(
	{ path: Type.String({ description: "JSON Pointer into the manifest" }), message: Type.String() },
	{ additionalProperties: false, $id: "ManifestNote" },
);
export type ManifestNote = Static<typeof ManifestNote>;

export const ManifestCheck = Type.Object(
	{
		valid: Type.Boolean(),
		// Every default filled in; absent when the manifest is not valid.
		manifest: Type.Optional(Manifest),
		errors: Type.Array(ManifestNote),
		warnings: Type.Array(ManifestNote),
	},
	{ additionalProperties: false, $id: "ManifestCheck" },
);
export type ManifestCheck = Static<typeof ManifestCheck>;
