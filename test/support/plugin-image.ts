// A plugin as a thread gets it, made from a module's bytes.
import { ModuleLinker, type PluginImage, secretForms } from "@hookbus/runtime";
import { DEFAULT_LIMITS } from "@hookbus/schemas";

const linker = new ModuleLinker();

/** @param config the plugin's whole configuration; values whose name begins with "secret" are secrets */
export async function pluginImage(bytes: Uint8Array, config: Readonly<Record<string, string>> = {}): Promise<PluginImage> {
	return {
		key: "test",
		name: "test",
		version: "1.0.0",
		digest: "",
		modules: await linker.link(bytes, DEFAULT_LIMITS.memoryPages),
		config: { ...config, config: JSON.stringify(config) },
		secrets: secretForms(Object.entries(config).flatMap(([name, value]) => (name.startsWith("secret") ? [value] : []))),
		grants: ["read_messages"],
		waits: false,
		limits: DEFAULT_LIMITS,
		tools: [],
	};
}
