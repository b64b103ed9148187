// The install gate: everything that is found out about a package before a row is written. It runs one package at a time,
// because each may hold a module of many megabytes in memory and a core for seconds.
import { createHash } from "node:crypto";
import { limitMemory, ModuleFault, moduleFaults } from "@hookbus/foundation";
import type { Manifest, ManifestNote } from "@hookbus/schemas";
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";
import { effectiveLimits } from "../routing/effective-limits.js";
import { checkManifest } from "./check-manifest.js";
import { parseManifest } from "./parse-manifest.js";
import { readPackage } from "./read-package.js";

export interface AdmittedPackage {
	readonly manifest: Manifest;
	readonly warnings: readonly ManifestNote[];
	readonly module: Buffer;
	/** SHA-256 of the module, hex. */
	readonly digest: string;
	readonly readme: string | undefined;
}

export interface UploadedPackage {
	readonly path: string;
	readonly manifestText: string | undefined;
	/** SHA-256 that the caller expects of the module. */
	readonly expectedDigest: string | undefined;
}

/**
 * @throws CodedError for everything that is wrong with the package: archive, manifest, digest, module
 */
export async function admitPackage(upload: UploadedPackage, threads: CheckThreads): Promise<AdmittedPackage> {
	const { manifestName, manifestText, module, readme } = await readPackage(upload.path, upload.manifestText);
	const digest = createHash("sha256").update(module).digest("hex");
	if (upload.expectedDigest !== undefined && upload.expectedDigest !== digest) {
		throw errors.digest_mismatch(`the module's SHA-256 is ${digest}; ${upload.expectedDigest} was expected`);
	}
	const report = await checkManifest(await parseManifest(manifestText, manifestName, threads), threads);
	if (report.manifest === undefined) {
		const [first] = report.errors;
		throw errors.manifest_invalid(
			`${manifestName}: ${first?.path || "the manifest"}: ${first?.message}${more(report.errors.length)}`,
			{ errors: report.errors },
		);
	}
	const { manifest } = report;
	await admitModule(module, manifest, threads);
	return { manifest, warnings: report.warnings, module, digest, readme };
}

async function admitModule(module: Buffer, manifest: Manifest, threads: CheckThreads): Promise<void> {
	const { memoryPages } = effectiveLimits(manifest);
	const requiredExports = [...new Set(manifest.hooks.map(({ hook }) => hook))];
	const faults = readFaults(module, { memoryPages, requiredExports });
	const [first] = faults;
	if (first !== undefined) {
		throw errors.module_refused(`plugin.wasm: ${first.message}${more(faults.length)}`, {
			errors: faults.map((fault) => ({ path: fault.section, message: `${fault.code}: ${fault.message}` })),
		});
	}
	const probe = await threads.run({ type: "probe_module", bytes: limitMemory(module, memoryPages) });
	const fault = probe.ok ? probe.answer.fault : probe.why;
	if (fault !== undefined) {
		throw errors.module_probe_failed(`plugin.wasm does not compile, or does not start with its imports: ${fault}`, {
			errors: [{ path: "plugin.wasm", message: fault }],
		});
	}
}

/** Refusals that the module's bytes earn, and the one that they cannot be read at all, alike. */
function readFaults(module: Uint8Array, rules: Parameters<typeof moduleFaults>[1]): ModuleFault[] {
	try {
		return moduleFaults(module, rules);
	} catch (thrown) {
		if (thrown instanceof ModuleFault) return [thrown];
		throw thrown;
	}
}

function more(count: number): string {
	return count > 1 ? ` (and ${count - 1} more)` : "";
}
