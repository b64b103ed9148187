// What a package says that it is, and what lies in it: what a signature is made over and compared with.
import { type PackageContent, SIGNATURE_FILE, sha256Of } from "@hookbus/schemas";
import { parse } from "yaml";
import { CliFailure } from "../cli-failure.js";
import type { PackageEntry } from "./read-entries.js";

const MANIFEST_NAMES = ["plugin.yaml", "plugin.yml", "plugin.json"];

/**
 * @param path of the package, for messages
 * @throws CliFailure `package_invalid`
 */
export function describePackage(entries: readonly PackageEntry[], path: string): PackageContent {
	const { name, version } = readManifest(entries, path);
	if (typeof name !== "string" || typeof version !== "string") {
		throw new CliFailure(`${path}: the manifest has no name or no version`, { code: "package_invalid", detail: { path } });
	}
	if (!entries.some((entry) => entry.path === "plugin.wasm")) {
		throw new CliFailure(`${path} has no plugin.wasm at its root`, { code: "package_invalid", detail: { path } });
	}
	const files = entries
		.filter((entry) => entry.path !== SIGNATURE_FILE && !entry.path.endsWith("/"))
		.map((entry) => ({ path: entry.path, sha256: sha256Of(entry.content) }));
	return { plugin: name, version, files };
}

/**
 * The manifest as it stands in the package; nothing of it is checked.
 *
 * @throws CliFailure `package_invalid`
 */
export function readManifest(entries: readonly PackageEntry[], path: string): Readonly<Record<string, unknown>> {
	const manifests = entries.filter((entry) => MANIFEST_NAMES.includes(entry.path));
	const [manifest] = manifests;
	if (manifest === undefined || manifests.length > 1) {
		throw new CliFailure(`${path} has ${manifests.length} manifests at its root; it needs one: ${MANIFEST_NAMES.join(" or ")}`, {
			code: "package_invalid",
			detail: { path },
		});
	}
	try {
		const value: unknown = parse(manifest.content.toString("utf8"));
		if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
		throw new Error("is no object");
	} catch (thrown) {
		const why = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
		throw new CliFailure(`${path}: ${manifest.path}: ${why}`, { code: "package_invalid", cause: thrown, detail: { path } });
	}
}
