// The module of plugins without one: manifests that declare HTTP requests all run on the module of the plugin api-call. It is given
// by a setting, because a service knows nothing of the plugins that are built beside it. A version keeps the module that it was
// installed with: a newer one comes with the next version, as code does.
import { readFile } from "node:fs/promises";
import { MAX_MODULE_BYTES, type Manifest, type ManifestNote } from "@hookbus/schemas";

const SETTING = "HOOKBUS_API_CALL_MODULE";
const WASM = "0061736d";

/**
 * @param path of the file; undefined: the setting is not there
 * @throws Error when there is no module in the file; it names setting and path
 */
export async function readApiCallModule(path: string | undefined): Promise<Buffer | undefined> {
	if (path === undefined) return undefined;
	const module = await readFile(path).catch((thrown: unknown) => {
		throw new Error(`${SETTING} is ${path}, which cannot be read; build the plugin api-call and name its plugin.wasm`, {
			cause: thrown,
		});
	});
	if (module.subarray(0, 4).toString("hex") !== WASM || module.length > MAX_MODULE_BYTES) {
		throw new Error(`${SETTING} is ${path}, which is no Wasm module of at most ${MAX_MODULE_BYTES} bytes; name a plugin.wasm`);
	}
	return module;
}

/** Why a manifest cannot be installed on this control plane. */
export function apiCallFaults(manifest: Manifest | undefined, module: Buffer | undefined): ManifestNote[] {
	if (manifest?.runtime !== "api_call" || module !== undefined) return [];
	const message = `this control plane has no module for declared requests; start it with ${SETTING}, the path of the plugin api-call's plugin.wasm`;
	return [{ path: "/runtime", message }];
}
