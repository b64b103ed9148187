// The install gate: everything that is found out about a package before a row is written. It runs one package at a time,
// because each may hold a module of many megabytes in memory and a core for seconds.
//
// No function of the module is called here: that needs the whole host that a runtime links to it. Each runtime makes an instance
// with the plugin's configuration and calls `initialize` in a thread that it can end, before a table with the plugin goes live.
// What fails there is answered to the caller of ?wait=applied as activation_failed, and the version before goes on.
import { createHash } from "node:crypto";
import { limitMemory, limitTables, ModuleFault, moduleFaults, scanInstructions } from "@hookbus/foundation";
import type { IndexEntry, Manifest, ManifestNote, PackageSignature, VersionOrigin } from "@hookbus/schemas";
import type { CheckThreads } from "../checks/check-threads.js";
import { probeModule } from "../checks/module-probe.js";
import { errors } from "../errors.js";
import type { FetchedOffer } from "../marketplace/fetch-offer.js";
import { effectiveLimits } from "../routing/effective-limits.js";
import { readSignature } from "../trust/read-signature.js";
import { apiCallFaults } from "./api-call-module.js";
import { checkManifest } from "./check-manifest.js";
import { parseManifest } from "./parse-manifest.js";
import { MODULE_NAME, readPackage } from "./read-package.js";

export interface AdmittedPackage {
	readonly manifest: Manifest;
	readonly warnings: readonly ManifestNote[];
	readonly module: Buffer;
	/** SHA-256 of the module, hex. */
	readonly digest: string;
	readonly readme: string | undefined;
	/** It fits what the package holds; whether the one who made it is trusted, the tenant decides. undefined: there is none. */
	readonly signature: PackageSignature | undefined;
	/** The marketplace that it came from; undefined: somebody sent it. */
	readonly origin: VersionOrigin | undefined;
}

export interface UploadedPackage {
	readonly path: string | undefined;
	readonly manifestText: string | undefined;
	/** SHA-256 that the caller expects of the module. */
	readonly expectedDigest: string | undefined;
	/** What the index of a marketplace says that it is; undefined: it comes from none. */
	readonly offer: Pick<FetchedOffer, "entry" | "origin"> | undefined;
}

/**
 * @param apiCallModule module of manifests that declare their requests; undefined: there is none
 * @throws CodedError for everything that is wrong with the package: archive, manifest, digest, signature, module
 */
export async function admitPackage(
	upload: UploadedPackage,
	threads: CheckThreads,
	apiCallModule: Buffer | undefined,
): Promise<AdmittedPackage> {
	const files = await readPackage(upload.path, upload.manifestText);
	const { manifestName, manifestText, readme } = files;
	const report = await checkManifest(await parseManifest(manifestText, manifestName, threads), threads);
	if (report.manifest === undefined) {
		const [first] = report.errors;
		throw errors.manifest_invalid(
			`${manifestName}: ${first?.path || "the manifest"}: ${first?.message}${more(report.errors.length)}`,
			{ errors: report.errors },
		);
	}
	const { manifest } = report;
	const module = moduleOf(manifest, files.module, apiCallModule);
	const digest = createHash("sha256").update(module).digest("hex");
	if (upload.expectedDigest !== undefined && upload.expectedDigest !== digest) {
		throw errors.digest_mismatch(`the module's SHA-256 is ${digest}; ${upload.expectedDigest} was expected`);
	}
	if (upload.offer !== undefined) requireOffered(upload.offer.entry, manifest, digest);
	const signature = readSignature(files.signature, { plugin: manifest.name, version: manifest.version, files: files.files });
	await admitModule(module, manifest);
	return { manifest, warnings: report.warnings, module, digest, readme, signature, origin: upload.offer?.origin };
}

/** The file has the digest that the index says; what lies in it must be what the index says that it is. */
function requireOffered(entry: IndexEntry, { name, version }: Manifest, digest: string): void {
	if (entry.name === name && entry.version === version && entry.module === digest) return;
	throw errors.digest_mismatch(
		`the index offers ${entry.name} ${entry.version} with module ${entry.module}; the package holds ${name} ${version} with module ${digest}`,
	);
}

/** The package's own module, or the one that runs declared requests. */
function moduleOf(manifest: Manifest, brought: Buffer | undefined, apiCallModule: Buffer | undefined): Buffer {
	if (manifest.runtime === "api_call") {
		const [fault] = apiCallFaults(manifest, apiCallModule);
		if (fault !== undefined || apiCallModule === undefined) throw errors.api_call_missing(`${fault?.path}: ${fault?.message}`);
		if (brought === undefined) return apiCallModule;
		const message = "the manifest says runtime: api_call, which needs no module; remove it, or remove runtime";
		throw errors.module_refused(`${MODULE_NAME}: ${message}`, { errors: [{ path: MODULE_NAME, message }] });
	}
	if (brought !== undefined) return brought;
	throw errors.package_file_missing(`the package has no ${MODULE_NAME} at its root; add the compiled module under this name`, {
		errors: [{ path: MODULE_NAME, message: "is missing" }],
	});
}

async function admitModule(module: Buffer, manifest: Manifest): Promise<void> {
	const { memoryPages } = effectiveLimits(manifest);
	const requiredExports = [...new Set(manifest.hooks.map(({ hook }) => hook))];
	const faults = await readFaults(module, { memoryPages, requiredExports });
	const [first] = faults;
	if (first !== undefined) {
		throw errors.module_refused(`plugin.wasm: ${first.message}${more(faults.length)}`, { errors: faults.map(locate) });
	}
	const fault = await probeModule(limitTables(limitMemory(module, memoryPages)));
	if (fault === undefined) return;
	throw errors.module_probe_failed(`plugin.wasm does not compile, or does not start with its imports: ${fault.message}`, {
		errors: [locate(fault)],
	});
}

/** The section, and what is wrong there by which rule. */
function locate({ code, section, message }: ModuleFault): { path: string; message: string } {
	return { path: section, message: `${code}: ${message}` };
}

/** Refusals that the module's bytes earn, and the one that they cannot be read at all, alike. */
async function readFaults(module: Uint8Array, rules: Parameters<typeof moduleFaults>[1]): Promise<ModuleFault[]> {
	try {
		const faults = moduleFaults(module, rules);
		if (faults.length === 0) await scanInstructions(module);
		return faults;
	} catch (thrown) {
		if (thrown instanceof ModuleFault) return [thrown];
		throw thrown;
	}
}

function more(count: number): string {
	return count > 1 ? ` (and ${count - 1} more)` : "";
}
