// Builds one plugin of this folder: AssemblyScript to build/plugin.wasm, and the package build/<name>.zip that can be
// installed. The same sources give the same bytes on every machine, so a digest says what somebody built.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { parse } from "yaml";
import { ZipFile } from "yazl";
import { type Manifest, manifestFaults } from "../schemas/src/manifest.js";

const HERE = import.meta.dirname;
const REPOSITORY = resolve(HERE, "..");
const SDK = join(REPOSITORY, "sdk/plugin-as");
/** Packages whose version decides what the compiler makes of the sources. */
const TOOLCHAIN = ["assemblyscript", "binaryen", "@extism/as-pdk"] as const;

export interface BuiltPlugin {
	readonly name: string;
	readonly version: string;
	/** Path of the module. */
	readonly wasm: string;
	/** Path of the package. */
	readonly zip: string;
	/** Bytes of the module. */
	readonly wasmBytes: number;
	/** Host functions that the module imports, sorted, without their module `extism:host/env`. */
	readonly imports: readonly string[];
	/** False when the module was up to date. */
	readonly rebuilt: boolean;
}

/** A plugin that cannot be built. `message` is what its author should read. */
export class BuildError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "BuildError";
	}
}

/** Names of the folders that hold a plugin.yaml, sorted. */
export function pluginNames(): string[] {
	return readdirSync(HERE, { withFileTypes: true })
		.filter((entry) => entry.isDirectory() && existsSync(join(HERE, entry.name, "plugin.yaml")))
		.map((entry) => entry.name)
		.sort();
}

/**
 * Builds the plugin in the folder of that name, unless the build of the same sources is there.
 *
 * @throws BuildError when the manifest is not valid, the compiler refuses the sources, or the module lacks what the manifest promises
 */
export async function buildPlugin(name: string): Promise<BuiltPlugin> {
	const folder = join(HERE, name);
	const manifest = readManifest(folder, name);
	const zip = join(folder, `build/${name}.zip`);
	const { wasm, rebuilt } = await buildModule(folder, join(folder, "build"));
	const bytes = readFileSync(wasm);
	checkExports(name, manifest, bytes);
	if (rebuilt || !existsSync(zip)) writeWhole(zip, await pack(folder, manifest, bytes));
	return { name, version: manifest.version, wasm, zip, wasmBytes: bytes.length, imports: importsOf(bytes), rebuilt };
}

/**
 * Compiles a folder to `plugin.wasm` in another one, unless the module of the same sources is there.
 *
 * @throws BuildError with the compiler's own messages
 */
export async function buildModule(folder: string, output: string): Promise<{ wasm: string; rebuilt: boolean }> {
	const wasm = join(output, "plugin.wasm");
	const stamp = join(output, "inputs.sha256");
	const inputs = digestOfInputs(folder);
	if (existsSync(wasm) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs) return { wasm, rebuilt: false };
	mkdirSync(output, { recursive: true });
	rmSync(stamp, { force: true });
	writeWhole(wasm, await compileFolder(folder));
	writeWhole(stamp, inputs);
	return { wasm, rebuilt: true };
}

/** Nobody who reads the file at the same time sees half of it. */
function writeWhole(path: string, content: Uint8Array | string): void {
	const draft = `${path}.${process.pid}`;
	writeFileSync(draft, content);
	renameSync(draft, path);
}

/**
 * Compiles the AssemblyScript of a folder by its asconfig.json.
 *
 * @throws BuildError with the compiler's own messages
 */
async function compileFolder(folder: string): Promise<Uint8Array> {
	if (!existsSync(join(folder, "asconfig.json"))) {
		throw new BuildError(`${relative(REPOSITORY, folder)}/asconfig.json is missing; copy the one of plugins-wasm/hello-world`);
	}
	// The compiler is large; a build that finds everything up to date does without it.
	const { main } = await import("assemblyscript/asc");
	let module: Uint8Array | undefined;
	const { error, stderr } = await main(["--config", "asconfig.json", "--baseDir", folder, "--outFile", "plugin.wasm"], {
		writeFile: (file, contents) => {
			if (file === "plugin.wasm" && typeof contents !== "string") module = contents;
		},
	});
	if (error !== null || module === undefined) {
		throw new BuildError(`${relative(REPOSITORY, folder)} does not compile:\n${stderr.toString().trim() || String(error)}`);
	}
	return module;
}

function readManifest(folder: string, name: string): Manifest {
	const path = `plugins-wasm/${name}/plugin.yaml`;
	if (!existsSync(join(folder, "plugin.yaml"))) {
		throw new BuildError(`${path} does not exist; the plugins here are ${pluginNames().join(", ")}`);
	}
	const manifest: unknown = parse(readFileSync(join(folder, "plugin.yaml"), "utf8"));
	const faults = manifestFaults(manifest);
	if (faults.length > 0) {
		throw new BuildError(
			`${path} is not valid:\n${faults.map((fault) => `  ${fault.path || "/"}: ${fault.message}`).join("\n")}`,
		);
	}
	if ((manifest as Manifest).name !== name) {
		throw new BuildError(`${path}: name is "${(manifest as Manifest).name}", the folder is "${name}"; they must be the same`);
	}
	return manifest as Manifest;
}

/** SHA-256 over everything that the build reads: path and content of each file, and the versions of the tools. */
function digestOfInputs(folder: string): string {
	const hash = createHash("sha256");
	const files = [
		...filesIn(folder),
		join(SDK, "index.ts"),
		join(SDK, "asconfig.base.json"),
		...filesIn(join(SDK, "assembly")),
		join(HERE, "build-plugin.ts"),
	];
	for (const file of files) {
		const content = readFileSync(file);
		hash.update(`${relative(REPOSITORY, file).split(sep).join("/")}\n${content.length}\n`).update(content);
	}
	for (const name of TOOLCHAIN) {
		const { version } = JSON.parse(readFileSync(join(REPOSITORY, "node_modules", name, "package.json"), "utf8")) as {
			version: string;
		};
		hash.update(`${name}@${version}\n`);
	}
	return hash.digest("hex");
}

/** All files below a folder, sorted; build output is not among them. */
function filesIn(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true })
		.flatMap((entry) => {
			const path = join(folder, entry.name);
			if (entry.isDirectory()) return entry.name === "build" || entry.name === "node_modules" ? [] : filesIn(path);
			return [path];
		})
		.sort();
}

function checkExports(name: string, manifest: Manifest, module: Uint8Array): void {
	const exported = new Set(
		WebAssembly.Module.exports(new WebAssembly.Module(new Uint8Array(module)))
			.filter(({ kind }) => kind === "function")
			.map((entry) => entry.name),
	);
	const missing = manifest.hooks.map(({ hook }) => hook).filter((hook) => !exported.has(hook));
	if (missing.length > 0) {
		throw new BuildError(
			`plugins-wasm/${name}: plugin.yaml lists ${missing.join(", ")}, and assembly/index.ts exports no function of that name`,
		);
	}
}

function importsOf(module: Uint8Array): string[] {
	return WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(module)))
		.map((entry) => (entry.module === "extism:host/env" ? entry.name : `${entry.module}.${entry.name}`))
		.sort();
}

function pack(folder: string, manifest: Manifest, module: Uint8Array): Promise<Buffer> {
	const names = ["README.md", "plugin.yaml", ...(manifest.icon === undefined ? [] : [manifest.icon])];
	const entries = [
		{ name: "plugin.wasm", content: Buffer.from(module) },
		...names
			.filter((name) => existsSync(join(folder, name)))
			.map((name) => ({ name, content: readFileSync(join(folder, name)) })),
	].sort((a, b) => (a.name < b.name ? -1 : 1));
	const zip = new ZipFile();
	for (const { name, content } of entries) {
		// Not compressed: what zlib makes of the same bytes changes from version to version. The time is the first that a zip can
		// hold, in local time, because that is what the format has.
		zip.addBuffer(content, name, { mtime: new Date(1980, 0, 1), mode: 0o100644, compress: false, forceDosTimestamp: true });
	}
	zip.end();
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		zip.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
		zip.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
		zip.outputStream.on("error", reject);
	});
}
