// Receives an install as one JSON document: a manifest, and its module where it has one. For programs and catalogues that keep
// plugins as JSON; what they send is checked exactly as the form is.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Digest, Permission } from "@hookbus/schemas";
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { errors } from "../errors.js";
import type { Upload } from "./receive-upload.js";

/** Largest JSON body of an install in bytes: a manifest, and a module of 4 MiB. Larger modules come as a form. */
export const MAX_IMPORT_BYTES = 6 * 1024 * 1024;

export const PluginImport = Type.Object(
	{
		manifest: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String({ description: "YAML or JSON" })], {
			description: "In our form, or in one that is translated; see validate-manifest",
		}),
		module: Type.Optional(
			Type.String({ description: "The .wasm in base64; absent: the manifest needs none. A .zip holds its own manifest" }),
		),
		digest: Type.Optional(Type.String({ pattern: Digest.pattern as string, description: "Expected SHA-256 of the module" })),
		grants: Type.Optional(
			Type.Union([Type.Literal("all"), Type.Array(Permission, { maxItems: 16, uniqueItems: true })], {
				description: "Permissions to grant; all: everything asked for. Role admin",
			}),
		),
		enable: Type.Optional(Type.Boolean({ description: "Role operator" })),
		bind: Type.Optional(
			Type.Union([Type.Literal("tenant"), Type.Literal("none")], {
				description: "Binding to make; a new plugin: tenant by default",
			}),
		),
	},
	{ additionalProperties: false, $id: "PluginImport", description: "A plugin as one JSON document" },
);
export type PluginImport = Static<typeof PluginImport>;

const check = TypeCompiler.Compile(PluginImport);

/** False for the body of a form, which is a stream and not read yet, and for text. */
export function isPluginImport(body: unknown): body is PluginImport {
	return check.Check(body);
}

/**
 * The same as a form's upload.
 *
 * @param directory staging directory of this upload
 * @throws CodedError `upload_field_invalid`
 */
export async function receiveImport(sent: PluginImport, directory: string): Promise<Upload> {
	const { manifest, module, digest, grants, enable, bind } = sent;
	return {
		path: module === undefined ? undefined : await saveModule(module, directory),
		manifestText: typeof manifest === "string" ? manifest : JSON.stringify(manifest),
		expectedDigest: digest,
		grants,
		enable,
		bind,
		marketId: undefined,
		accept: undefined,
	};
}

async function saveModule(base64: string, directory: string): Promise<string> {
	const bytes = Buffer.from(base64, "base64");
	// Node skips what is no base64, and would take a damaged module for a shorter one.
	if (bytes.toString("base64").replace(/=+$/, "") !== base64.replace(/=+$/, "")) {
		throw errors.upload_field_invalid("the field module is not base64 (A–Z a–z 0–9 + / and = at its end, no line breaks)");
	}
	const path = join(directory, "upload");
	await writeFile(path, bytes, { mode: 0o600 });
	return path;
}
