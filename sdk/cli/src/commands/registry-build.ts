// hookbus registry build: the signed index of a marketplace, from a folder of packages.
import { readdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import {
	type IndexEntry,
	type IndexRecall,
	indexShapeFault,
	MAX_INDEX_BYTES,
	type MarketplaceIndex,
	SIGNATURE_FILE,
	sha256Of,
	signIndex,
} from "@hookbus/schemas";
import { CliFailure } from "../cli-failure.js";
import { type Arguments, type Command, optionalOption, requiredOption, requiredPositional } from "../command.js";
import { readBytes, readBytesIfThere, writeWhole } from "../files.js";
import { readSigningKey } from "../keys.js";
import { readManifest } from "../package/describe-package.js";
import { entriesOf, type PackageEntry } from "../package/read-entries.js";
import { readSignature } from "../package/verify-entries.js";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 7;

export const registryBuild: Command = {
	name: "registry build",
	summary: "Make the signed index of a marketplace from a folder of packages",
	help: `hookbus registry build <folder> --key <private key file> --out <index.json>
    [--name <text>] [--days <number>] [--number <number>] [--url <base>] [--recalls <file>] [--stats <file>] [--json]

Makes the index of a marketplace: every .zip of the folder with its digests, signed with the key. Put index and packages on any web
server that serves them over https, and give admins its address and your public key.

  --out      where the index goes. If one is there, the new one has the next number and keeps its recalls
  --name     what the marketplace is called (default: the name in the index that is there, or "plugins")
  --days     days until the index expires (default ${DEFAULT_DAYS}). Build a new one in time: an expired one is refused
  --number   another number; it must be higher than that of the index before
  --url      address that the packages are below; default: they are found beside the index
  --recalls  JSON file [{"digest": "<SHA-256 of a plugin.wasm>", "reason": "…"}, …]: modules that must not run any more
  --stats    JSON file {"<plugin>": {"downloads": 10, "rating": 4.5}, …}

What is recalled once stays recalled in every later index.`,
	options: {
		key: { type: "string" },
		out: { type: "string" },
		name: { type: "string" },
		days: { type: "string" },
		number: { type: "string" },
		url: { type: "string" },
		recalls: { type: "string" },
		stats: { type: "string" },
	},
	maxPositionals: 1,
	async run(given) {
		const folder = requiredPositional(given, 0, "the folder with the packages");
		const out = requiredOption(given, "out");
		const { privateKey, publicKey, keyId } = await readSigningKey(requiredOption(given, "key"));
		const before = await readIndexBefore(out);
		const number = numberOf(given, before);
		const plugins = await readPackages(folder, given, dirname(out));
		const recalls = mergeRecalls(before?.recalls ?? [], await readRecalls(given));
		const issued = Date.now();
		const index = signIndex(
			{
				name: optionalOption(given, "name") ?? before?.name ?? "plugins",
				number,
				issuedAt: new Date(issued).toISOString(),
				expiresAt: new Date(issued + positive(given, "days", DEFAULT_DAYS) * DAY_MS).toISOString(),
				plugins,
				recalls,
			},
			privateKey,
		);
		const text = `${JSON.stringify(index, undefined, 1)}\n`;
		const fault = indexShapeFault(index);
		if (fault !== undefined) throw invalid(out, `would not be valid: ${fault.path}: ${fault.message}`);
		if (Buffer.byteLength(text) > MAX_INDEX_BYTES) throw invalid(out, `would have more than ${MAX_INDEX_BYTES} bytes`);
		await writeWhole(out, text);
		return {
			lines: [
				`index ${index.number} of ${index.name}: ${out}`,
				`${plugins.length} packages, ${recalls.length} recalls, good until ${index.expiresAt}`,
				`public key ${publicKey}`,
			],
			json: { file: out, number, plugins: plugins.length, recalls: recalls.length, expiresAt: index.expiresAt, publicKey, keyId },
		};
	},
};

function invalid(path: string, why: string, cause?: unknown): CliFailure {
	return new CliFailure(`${path} ${why}`, { code: "index_invalid", cause, detail: { path } });
}

async function readIndexBefore(out: string): Promise<MarketplaceIndex | undefined> {
	const bytes = await readBytesIfThere(out);
	if (bytes === undefined) return undefined;
	const value = parseJson(bytes, out);
	const fault = indexShapeFault(value);
	if (fault !== undefined) throw invalid(out, `is there and is no index: ${fault.path}: ${fault.message}; move it away`);
	return value as MarketplaceIndex;
}

function parseJson(bytes: Buffer, path: string): unknown {
	try {
		return JSON.parse(bytes.toString("utf8"));
	} catch (thrown) {
		throw new CliFailure(`${path} is not JSON`, { code: "index_invalid", cause: thrown, detail: { path } });
	}
}

function numberOf(given: Arguments, before: MarketplaceIndex | undefined): number {
	const next = (before?.number ?? 0) + 1;
	const number = positive(given, "number", next);
	if (number >= next) return number;
	throw new CliFailure(`--number ${number} is not higher than that of the index before, ${next - 1}; nobody would take it`, {
		code: "usage",
	});
}

function positive(given: Arguments, name: string, otherwise: number): number {
	const text = optionalOption(given, name);
	if (text === undefined) return otherwise;
	const value = Number(text);
	if (/^[1-9]\d{0,8}$/.test(text)) return value;
	throw new CliFailure(`--${name} must be a whole number from 1 on, not ${JSON.stringify(text)}`, { code: "usage" });
}

/** Recalls of before first, each digest once. */
function mergeRecalls(before: readonly IndexRecall[], added: readonly IndexRecall[]): IndexRecall[] {
	const known = new Set(before.map(({ digest }) => digest));
	return [...before, ...added.filter(({ digest }) => !known.has(digest))];
}

async function readRecalls(given: Arguments): Promise<IndexRecall[]> {
	const path = optionalOption(given, "recalls");
	if (path === undefined) return [];
	const value = parseJson(await readBytes(path), path);
	if (Array.isArray(value)) return value as IndexRecall[];
	throw invalid(path, "is no list of recalls");
}

type Stats = Readonly<Record<string, Pick<IndexEntry, "downloads" | "rating"> | undefined>>;

async function readStats(given: Arguments): Promise<Stats> {
	const path = optionalOption(given, "stats");
	if (path === undefined) return {};
	const value = parseJson(await readBytes(path), path);
	if (typeof value === "object" && value !== null) return value as Stats;
	throw invalid(path, "is no object of plugins");
}

async function readPackages(folder: string, given: Arguments, indexFolder: string): Promise<IndexEntry[]> {
	const stats = await readStats(given);
	const base = optionalOption(given, "url");
	const names = (await listFolder(folder)).filter((name) => name.endsWith(".zip")).sort();
	if (names.length === 0) throw invalid(folder, "holds no .zip");
	const entries: IndexEntry[] = [];
	for (const name of names) {
		const path = join(folder, name);
		const beside = relative(indexFolder, path).split(sep).map(encodeURIComponent).join("/");
		const url = base === undefined ? beside : `${base.replace(/\/?$/, "/")}${encodeURIComponent(name)}`;
		const entry = await readPackage(path, url);
		entries.push({ ...entry, ...(Object.hasOwn(stats, entry.name) ? stats[entry.name] : {}) });
	}
	return entries;
}

async function listFolder(folder: string): Promise<string[]> {
	try {
		return await readdir(folder);
	} catch (thrown) {
		throw new CliFailure(`${folder} cannot be read`, { code: "file_unreadable", cause: thrown, detail: { path: folder } });
	}
}

async function readPackage(path: string, url: string): Promise<IndexEntry> {
	const bytes = await readBytes(path);
	const files = await entriesOf(bytes, path);
	const manifest = readManifest(files, path);
	const module = files.find((file) => file.path === "plugin.wasm")?.content;
	if (module === undefined) {
		throw new CliFailure(`${path} has no plugin.wasm at its root`, { code: "package_invalid", detail: { path } });
	}
	const { name, version, description, category, tags, author } = manifest;
	// What the manifest has in another shape fails the check of the whole index, with its place.
	return {
		name,
		version,
		digest: sha256Of(bytes),
		module: sha256Of(module),
		size: bytes.length,
		url,
		...(category === undefined ? {} : { category }),
		tags: tags ?? [],
		...(author === undefined ? {} : { author }),
		description,
		manifest,
		...signatureIn(files, path),
	} as IndexEntry;
}

function signatureIn(files: readonly PackageEntry[], path: string): Pick<IndexEntry, "signature"> {
	return files.some((file) => file.path === SIGNATURE_FILE) ? { signature: readSignature(files, path) } : {};
}
