// Packages (.zip) of small real modules, for tests that install plugins.
import { HOOKS, type HookName, SIGNATURE_FILE, sha256Of, signPackage } from "@hookbus/schemas";
import { stringify } from "yaml";
import { buildZip, type ZipEntry } from "./build-zip.js";
import { moduleReturning } from "./module-returning.js";

export interface PackageOptions {
	readonly name?: string;
	readonly version?: string;
	/** Merged over the default manifest. */
	readonly manifest?: Readonly<Record<string, unknown>>;
	/** Bytes of the module; default: one that exports the manifest's hooks and continues. */
	readonly module?: Uint8Array;
	/** Changes the module's bytes and nothing else. */
	readonly salt?: string;
	readonly readme?: string;
	/** Further entries. */
	readonly extra?: readonly ZipEntry[];
	/** Private key (PEM) of the publisher who signs it; absent: nobody does. */
	readonly signWith?: string;
}

export interface BuiltPackage {
	readonly zip: Buffer;
	readonly manifest: Record<string, unknown>;
	readonly module: Uint8Array;
	/** What the archive was made from. */
	readonly entries: readonly ZipEntry[];
}

/** A valid manifest: one transform on on_chat_message that reads messages. */
export function testManifest(name = "tester", version = "1.0.0"): Record<string, unknown> {
	return {
		name,
		version,
		description: `The ${name} of the tests`,
		license: "Apache-2.0",
		hookbus: "^1.0.0",
		hooks: [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }],
		permissions: ["read_messages"],
	};
}

export async function buildPackage(options: PackageOptions = {}): Promise<BuiltPackage> {
	const manifest = { ...testManifest(options.name, options.version), ...options.manifest };
	const hooks = (manifest["hooks"] as { hook: HookName }[]).map(({ hook }) => hook).filter((hook) => hook in HOOKS);
	const module =
		options.module ??
		(await moduleReturning(
			Object.fromEntries([...hooks.map((hook) => [hook, { action: "continue" }]), ["salt", options.salt ?? "none"]]),
		));
	const entries: ZipEntry[] = [
		{ name: "plugin.yaml", content: stringify(manifest) },
		{ name: "plugin.wasm", content: module },
		...(options.readme === undefined ? [] : [{ name: "README.md", content: options.readme }]),
		...(options.extra ?? []),
	];
	if (options.signWith !== undefined) entries.push(signatureOf(entries, manifest, options.signWith));
	return { zip: buildZip(entries), manifest, module, entries };
}

function signatureOf(entries: readonly ZipEntry[], manifest: Record<string, unknown>, privateKey: string): ZipEntry {
	const files = entries.map(({ name, content }) => ({ path: String(name), sha256: sha256Of(content ?? "") }));
	const signed = signPackage({ plugin: String(manifest["name"]), version: String(manifest["version"]), files }, privateKey);
	return { name: SIGNATURE_FILE, content: JSON.stringify(signed) };
}
