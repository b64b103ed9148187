// A plugin as a thread gets it, made from a module's bytes.
import { ModuleLinker, type PluginImage } from "@hookbus/runtime";
import { DEFAULT_LIMITS } from "@hookbus/schemas";

const linker = new ModuleLinker();

/** @param config the plugin's whole configuration, with every property under its own name too */
export async function pluginImage(bytes: Uint8Array, config: Readonly<Record<string, string>> = {}): Promise<PluginImage> {
	return {
		key: "test",
		name: "test",
		version: "1.0.0",
		digest: "",
		modules: await linker.link(bytes, DEFAULT_LIMITS.memoryPages),
		config: { ...config, config: JSON.stringify(config) },
		grants: ["read_messages"],
		limits: DEFAULT_LIMITS,
		tools: [],
	};
}
