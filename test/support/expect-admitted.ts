// A plugin of plugins-wasm must pass, as it is, what the control plane asks of every plugin that is installed.
import { moduleFaults } from "@hookbus/foundation";
import { manifestFaults } from "@hookbus/schemas";
import { expect } from "vitest";
import type { SamplePlugin } from "./sample-plugin.js";

/** Expects that the manifest is valid, and that the module has its hooks and fits into its memory. */
export function expectAdmitted({ manifest, bytes }: Pick<SamplePlugin, "manifest" | "bytes">): void {
	expect(manifestFaults(manifest)).toEqual([]);
	const rules = {
		requiredExports: manifest.hooks.map(({ hook }) => hook),
		memoryPages: manifest.limits?.memoryPages ?? 256,
	};
	expect(moduleFaults(bytes, rules)).toEqual([]);
}
