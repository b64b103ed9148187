// What every foreign shape says about a plugin in its own words: what it is called, who wrote it, what kind it is. Reads id, name,
// version, description, author, license, homepage, repository, icon, category, tags, keywords, and the same inside metadata.
import { PluginType } from "@hookbus/schemas";
import { escapeToken } from "../../checks/json-schema-faults.js";
import { isObject } from "../../config/merge-config.js";
import type { Translation } from "./translation.js";
import { scalarText, shown } from "./written-values.js";

const MAX_DESCRIPTION = 500;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const COPIED = ["license", "icon", "category"] as const;
const KNOWN_TYPES: readonly unknown[] = PluginType.anyOf.map((literal) => literal.const);

/** Reads them all, those inside `metadata` where there is none at the top. */
export function translateDescription(translation: Translation): void {
	translateName(translation);
	translateVersion(translation);
	const metadata = translation.take("metadata");
	const inside = new Map(isObject(metadata) ? Object.entries(metadata) : []);
	if (metadata !== undefined && !isObject(metadata)) translation.refuse("/metadata", "must be an object");
	const find = (field: string): { value: unknown; path: string } => {
		const value = translation.take(field);
		const nested = inside.get(field);
		inside.delete(field);
		return value === undefined ? { value: nested, path: `/metadata/${field}` } : { value, path: `/${field}` };
	};
	translateText(translation, find("description"));
	translateAuthor(translation, find("author"));
	for (const field of COPIED) copy(translation, field, find(field));
	for (const field of ["homepage", "repository"]) {
		const { value, path } = find(field);
		copy(translation, field, isObject(value) ? { value: value["url"], path: `${path}/url` } : { value, path });
	}
	const tags = find("tags");
	const keywords = find("keywords");
	copy(translation, "tags", tags.value === undefined ? keywords : tags);
	for (const field of inside.keys()) {
		const cost = /cost|pric/.test(field);
		translation.warn(
			`/metadata/${escapeToken(field)}`,
			cost
				? "is not carried over: what a call costs, the plugin reports in usage.cost, and limits.costPerDay bounds it"
				: "is not carried over: there is nothing like it here",
		);
	}
}

/** The kind of plugin; one that is none of ours becomes custom. */
export function translateType(translation: Translation, field: string): void {
	const value = translation.take(field);
	if (value === undefined) return;
	if (KNOWN_TYPES.includes(value)) return translation.put("type", value, `/${field}`);
	translation.put("type", "custom", `/${field}`);
	translation.warn(`/${field}`, `${shown(value)} is none of ${KNOWN_TYPES.join(", ")}; it became custom`);
}

/** Our names are parts of addresses, so what is written for people becomes one. */
function translateName(translation: Translation): void {
	const id = translation.take("id");
	const label = translation.take("name");
	const [value, path] = typeof id === "string" && id !== "" ? [id, "/id"] : [label, "/name"];
	if (value === undefined) return;
	if (typeof value !== "string" || NAME.test(value)) {
		translation.put("name", value, path);
	} else {
		const name = value
			.toLowerCase()
			.replace(/[^a-z0-9]+/g, "-")
			.replace(/^[-0-9]+|-+$/g, "")
			.slice(0, 64);
		translation.put("name", name, path);
		translation.warn(path, `${shown(value)} became ${name}: names have lower case letters, digits and hyphens`);
	}
	if (path === "/id" && label !== undefined && label !== id) {
		translation.warn("/name", "is not carried over: a plugin is called by its id");
	}
}

/** `1`, `1.2` and `v1.2.0` are meant as semantic versions. */
function translateVersion(translation: Translation): void {
	const value = translation.take("version");
	if (value === undefined) return;
	const [, short] = /^v?(\d+(?:\.\d+){0,2})$/.exec(scalarText(value)) ?? [];
	const version = short === undefined ? value : [...short.split("."), "0", "0"].slice(0, 3).join(".");
	translation.put("version", version, "/version");
	if (version !== value) translation.warn("/version", `${shown(value)} became ${version}`);
}

function translateText(translation: Translation, { value, path }: Found): void {
	if (value === undefined || value === "") {
		const { name } = translation.manifest;
		translation.put("description", `The plugin ${typeof name === "string" ? name : "without a name"}`, "/description");
		translation.warn("/description", "is missing: nobody can tell what the plugin is for");
	} else if (typeof value === "string" && value.length > MAX_DESCRIPTION) {
		translation.put("description", `${value.slice(0, MAX_DESCRIPTION - 1).replace(/[\ud800-\udbff]$/, "")}…`, path);
		translation.warn(path, `was cut after ${MAX_DESCRIPTION} characters`);
	} else {
		translation.put("description", value, path);
	}
}

function translateAuthor(translation: Translation, { value, path }: Found): void {
	if (!isObject(value)) return copy(translation, "author", { value, path });
	const parts = [value["name"], value["email"] ?? value["url"]].filter((part) => typeof part === "string");
	if (parts.length > 0) translation.put("author", parts.join(", "), path);
}

interface Found {
	readonly value: unknown;
	readonly path: string;
}

function copy(translation: Translation, field: string, { value, path }: Found): void {
	if (value !== undefined && value !== null) translation.put(field, value, path);
}
