// Installs the sample plugins once, through the public REST API: what works here works for every other plugin.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { PluginSummary } from "@hookbus/schemas";
import { pluginPackage } from "../build.js";
import type { Progress } from "../progress.js";
import type { Home } from "./home.js";
import type { RestApi } from "./rest-api.js";

const SAMPLES = ["hello-world", "pii-redactor", "prompt-guard", "math-solver"] as const;

/** Installs and enables what is missing, at the first start only. Returns all plugins of the tenant. */
export async function installSamples(api: RestApi, home: Home, progress: Progress): Promise<PluginSummary[]> {
	if (!existsSync(home.samplesMark)) {
		const there = new Set((await api.plugins()).map(({ name }) => name));
		for (const name of SAMPLES) {
			if (there.has(name)) continue;
			await progress.step(`installing and enabling ${name}`, () => api.install(`${name}.zip`, readFileSync(pluginPackage(name))));
		}
		writeFileSync(home.samplesMark, `${SAMPLES.join("\n")}\n`);
	}
	return await api.plugins();
}
