// What schemas/generated must hold, what it does hold, and the difference. Writing and checking use the same three
// functions, so that what is written is always what the check accepts.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { asyncApiDocument } from "./asyncapi.js";
import { jsonSchemaDocuments } from "./json-schemas.js";

/** Path below the folder → text. */
export type Files = ReadonlyMap<string, string>;

/** What the folder must hold. */
export function wantedFiles(): Files {
	const files = new Map<string, string>();
	const schemas = jsonSchemaDocuments();
	for (const [name, document] of schemas) files.set(`json-schema/${name}.json`, toText(document));
	files.set("asyncapi.json", toText(asyncApiDocument([...schemas.keys()])));
	return files;
}

function toText(document: unknown): string {
	return `${JSON.stringify(document, null, 2)}\n`;
}

/** What the folder does hold; nothing when it does not exist. */
export function existingFiles(folder: string): Files {
	const files = new Map<string, string>();
	try {
		for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
			if (!entry.isFile()) continue;
			const path = join(entry.parentPath, entry.name);
			files.set(relative(folder, path).replaceAll("\\", "/"), readFileSync(path, "utf8"));
		}
	} catch (thrown) {
		if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
	}
	return files;
}

/** One line for each file that is missing, stale or obsolete, sorted. */
export function differences(wanted: Files, there: Files): string[] {
	const found: string[] = [];
	for (const [path, text] of wanted) {
		if (!there.has(path)) found.push(`missing  ${path}`);
		else if (there.get(path) !== text) found.push(`stale    ${path}`);
	}
	for (const path of there.keys()) {
		if (!wanted.has(path)) found.push(`obsolete ${path}`);
	}
	return found.sort();
}
