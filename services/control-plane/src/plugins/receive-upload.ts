// Receives the multipart form of an install: one file, streamed to disk, and a few short fields. A field that is not known is
// refused, because a misspelt `grants` or `digest` would otherwise silently not apply.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { MultipartFile, MultipartValue } from "@fastify/multipart";
import { Digest, MarketId, type Permission, Permission as PermissionSchema } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import { errors } from "../errors.js";
import { MAX_MANIFEST_BYTES } from "./parse-manifest.js";

export interface Upload {
	/** The uploaded file, inside the staging directory; undefined: a manifest alone was sent, or the package comes from a marketplace. */
	readonly path: string | undefined;
	/** Which package of which marketplace; undefined: it was uploaded. */
	readonly marketId: string | undefined;
	/** Id of what an admin accepts. */
	readonly accept: string | undefined;
	readonly manifestText: string | undefined;
	readonly expectedDigest: string | undefined;
	/** Permissions to grant; `all`: everything that the manifest asks for; absent: none beyond those that are granted. */
	readonly grants: readonly Permission[] | "all" | undefined;
	readonly enable: boolean | undefined;
	readonly bind: "tenant" | "none" | undefined;
}

/** Documents the form in a route; it is read as a stream and checked field by field. */
export const uploadForm = Type.Unsafe({
	type: "object",
	properties: {
		file: { type: "string", format: "binary", description: "Package (.zip) or module (.wasm); its bytes decide" },
		source: { type: "string", enum: ["local", "market"], description: "local (default): file; market: marketId" },
		marketId: { type: "string", description: "With source=market: source/plugin@version; without @version the newest" },
		accept: { type: "string", description: "Id of what consent_needed or name_lookalike showed. Role admin" },
		manifest: { type: "string", description: "With a .wasm: its manifest, YAML or JSON. Alone: one that needs no module" },
		digest: { type: "string", description: "Expected SHA-256 of the module" },
		grants: { type: "string", description: "Permissions to grant, with commas; all: everything asked for. Role admin" },
		enable: { type: "string", enum: ["true", "false"], description: "Role operator" },
		bind: { type: "string", enum: ["tenant", "none"], description: "Binding to make; a new plugin: tenant by default" },
	},
});

const FIELDS = ["manifest", "digest", "grants", "enable", "bind", "source", "marketId", "accept"] as const;
type FieldName = (typeof FIELDS)[number];

/**
 * Reads the whole form.
 *
 * @param directory staging directory of this upload
 * @param maxBytes largest file
 * @throws CodedError `upload_…`; rejects when the client goes away
 */
export async function receiveUpload(request: FastifyRequest, directory: string, maxBytes: number): Promise<Upload> {
	if (!request.isMultipart()) {
		throw errors.media_type_unknown(
			"send the package as multipart/form-data with the file in the field file, or as application/json with manifest and module",
		);
	}
	try {
		return await readForm(request, directory, maxBytes);
	} catch (thrown) {
		// What is left of the form is read and thrown away: a caller that is still sending would not see the refusal.
		request.raw.unpipe();
		request.raw.resume();
		throw thrown;
	}
}

async function readForm(request: FastifyRequest, directory: string, maxBytes: number): Promise<Upload> {
	const fields = new Map<FieldName, string>();
	let path: string | undefined;
	const parts = request.parts({
		limits: {
			fileSize: maxBytes,
			fieldSize: MAX_MANIFEST_BYTES,
			fieldNameSize: 100,
			fields: 12,
			files: 2,
			parts: 14,
			headerPairs: 32,
		},
	});
	for await (const part of parts) {
		if (part.type === "field") setField(fields, part.fieldname, fieldText(part));
		else if (part.fieldname === "manifest") setField(fields, "manifest", await fileText(part));
		else if (part.fieldname === "file" && path === undefined) path = await saveFile(part, directory, maxBytes);
		else
			throw errors.upload_field_invalid(
				`the file field "${part.fieldname}" is not expected; send one file as file, and the manifest as manifest`,
			);
	}
	const marketId = parseSource(fields.get("source"), fields.get("marketId"));
	if (path === undefined && marketId === undefined && !fields.has("manifest")) {
		throw errors.upload_field_invalid("the form has no file; send the .zip or .wasm in the field file");
	}
	if (marketId !== undefined && (path !== undefined || fields.has("manifest"))) {
		throw errors.upload_field_invalid("with source=market the package comes from there; leave out file and manifest");
	}
	return {
		path,
		marketId,
		accept: fields.get("accept") || undefined,
		manifestText: fields.get("manifest"),
		expectedDigest: parseDigest(fields.get("digest")),
		grants: parseGrants(fields.get("grants")),
		enable: parseEnable(fields.get("enable")),
		bind: parseBind(fields.get("bind")),
	};
}

function setField(fields: Map<FieldName, string>, name: string, value: string): void {
	const known = FIELDS.find((field) => field === name);
	if (known === undefined) {
		throw errors.upload_field_invalid(`the form field "${name.slice(0, 100)}" is unknown; known are file, ${FIELDS.join(", ")}`);
	}
	if (fields.has(known)) throw errors.upload_field_invalid(`the form field ${known} stands twice`);
	fields.set(known, value);
}

function fieldText(part: MultipartValue): string {
	if (part.valueTruncated) {
		throw errors.upload_field_invalid(`the form field ${part.fieldname} is longer than ${MAX_MANIFEST_BYTES} bytes`);
	}
	// A field that is sent as application/json arrives parsed.
	return typeof part.value === "string" ? part.value : JSON.stringify(part.value);
}

async function fileText(part: MultipartFile): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of part.file as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		if (bytes > MAX_MANIFEST_BYTES) throw errors.upload_field_invalid(`the manifest is longer than ${MAX_MANIFEST_BYTES} bytes`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}

/** The client's file name is not used for anything. */
async function saveFile(part: MultipartFile, directory: string, maxBytes: number): Promise<string> {
	const path = join(directory, "upload");
	await pipeline(part.file, createWriteStream(path, { mode: 0o600 }));
	if (part.file.truncated) throw errors.upload_too_large(`the file has more than the ${maxBytes} bytes that are taken`);
	return path;
}

const digestPattern = new RegExp(Digest.pattern as string);

function parseDigest(text: string | undefined): string | undefined {
	if (text === undefined || text === "") return undefined;
	const digest = text.trim().toLowerCase();
	if (!digestPattern.test(digest)) throw errors.upload_field_invalid("the form field digest must be a SHA-256 of 64 hex digits");
	return digest;
}

const marketIdPattern = new RegExp(MarketId.pattern as string);

/** The market id; undefined: the package is in the form. */
function parseSource(source: string | undefined, marketId: string | undefined): string | undefined {
	if (source === undefined || source === "" || source === "local") {
		if (marketId === undefined) return undefined;
		throw errors.upload_field_invalid("the form field marketId needs source=market");
	}
	if (source !== "market") {
		throw errors.upload_field_invalid(`the form field source must be local or market, not "${source.slice(0, 100)}"`);
	}
	if (marketId !== undefined && marketIdPattern.test(marketId)) return marketId;
	throw errors.upload_field_invalid("source=market needs the form field marketId: source/plugin@version, or source/plugin");
}

const KNOWN_PERMISSIONS = PermissionSchema.anyOf.map((literal) => literal.const);

function parseGrants(text: string | undefined): Upload["grants"] {
	if (text === undefined) return undefined;
	const names = text
		.split(",")
		.map((name) => name.trim())
		.filter((name) => name !== "");
	if (names.length === 1 && names[0] === "all") return "all";
	return names.map((name) => {
		const permission = KNOWN_PERMISSIONS.find((known) => known === name);
		if (permission === undefined) {
			throw errors.upload_field_invalid(
				`the form field grants names "${name.slice(0, 100)}"; known are ${KNOWN_PERMISSIONS.join(", ")}, or all`,
			);
		}
		return permission;
	});
}

function parseEnable(text: string | undefined): boolean | undefined {
	if (text === undefined || text === "") return undefined;
	if (text === "true" || text === "false") return text === "true";
	throw errors.upload_field_invalid(`the form field enable must be true or false, not "${text.slice(0, 100)}"`);
}

function parseBind(text: string | undefined): Upload["bind"] {
	if (text === undefined || text === "") return undefined;
	if (text === "tenant" || text === "none") return text;
	throw errors.upload_field_invalid(`the form field bind must be tenant or none, not "${text.slice(0, 100)}"`);
}
