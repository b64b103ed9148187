// Packs a plugin as its author would.
import { expect } from "vitest";
import { ZipFile } from "yazl";
import type { ApiClient } from "./api-client.js";

/** A package of a manifest and a module. */
export function zipOf(manifest: Record<string, unknown>, module: Uint8Array): Promise<Uint8Array> {
	const zip = new ZipFile();
	const options = { mtime: new Date(0), mode: 0o100644 };
	zip.addBuffer(Buffer.from(JSON.stringify(manifest)), "plugin.json", options);
	zip.addBuffer(Buffer.from(module), "plugin.wasm", options);
	zip.end();
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		zip.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
		zip.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
		zip.outputStream.on("error", reject);
	});
}

/** A manifest for a test plugin. */
export function manifestOf(
	name: string,
	version: string,
	hooks: readonly Record<string, unknown>[],
	more: Record<string, unknown> = {},
) {
	return {
		name,
		version,
		description: `Test plugin ${name}`,
		hookbus: "^1.0.0",
		hooks,
		permissions: ["read_messages"],
		// Long: only tests about time may depend on how fast the machine is.
		limits: { timeoutMs: 5_000 },
		...more,
	};
}

/** Installs and enables a plugin with all that it asks for, and waits until every runtime runs it. */
export async function installEnabled(admin: ApiClient, manifest: Record<string, unknown>, module: Uint8Array): Promise<void> {
	const sent = { file: await zipOf(manifest, module), fields: { grants: "all", enable: "true" } };
	const answer = await admin.install(sent, "?wait=applied&waitMs=60000");
	expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}
