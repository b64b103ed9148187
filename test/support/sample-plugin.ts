// A plugin of plugins-wasm as a runtime runs it: compiled by the real compiler, linked and limited like every module, with the
// configuration that the control plane would give it, and its result applied as far as its manifest's effect allows.
import { readFileSync } from "node:fs";
import { type Invocation, LoadedPlugin, ModuleLinker, type PluginImage } from "@hookbus/runtime";
import {
	DEFAULT_LIMITS,
	type EffectiveLimits,
	type HookEvent,
	type Manifest,
	type PluginResult,
	type VerdictReason,
} from "@hookbus/schemas";
import { parse } from "yaml";
import { buildPlugin } from "../../plugins-wasm/build-plugin.js";
import { effectiveConfig } from "../../services/control-plane/src/config/config-schema.js";
import { applyResult } from "../../services/runtime/src/chain/apply-result.js";

export type PluginConfig = Readonly<Record<string, unknown>>;

/** What became of an event. */
export interface Answer<Event extends HookEvent> {
	readonly action: PluginResult["action"];
	/** The event's data after the plugin. */
	readonly data: Event["data"];
	/** JSON Pointers of what the plugin changed. */
	readonly paths: readonly string[];
	readonly reason?: VerdictReason;
	/** Action claim: the answer. */
	readonly claim?: unknown;
	readonly annotations: Readonly<Record<string, unknown>>;
	/** Milliseconds of processor time of the call. */
	readonly cpuMs: number;
}

export class SamplePlugin {
	readonly manifest: Manifest;
	readonly bytes: Uint8Array;
	readonly #modules: PluginImage["modules"];

	private constructor(manifest: Manifest, bytes: Uint8Array, modules: PluginImage["modules"]) {
		this.manifest = manifest;
		this.bytes = bytes;
		this.#modules = modules;
	}

	static async build(name: string): Promise<SamplePlugin> {
		const folder = new URL(`../../plugins-wasm/${name}/`, import.meta.url);
		const manifest = parse(readFileSync(new URL("plugin.yaml", folder), "utf8")) as Manifest;
		const bytes = readFileSync((await buildPlugin(name)).wasm);
		return new SamplePlugin(manifest, bytes, await new ModuleLinker().link(bytes, limitsOf(manifest).memoryPages));
	}

	/** @param config what an admin set; the rest is what the manifest has as defaults */
	withConfig(config: PluginConfig = {}): ConfiguredPlugin {
		return this.withWholeConfig(effectiveConfig(this.manifest, config));
	}

	/** @param config the configuration without any defaults */
	withWholeConfig(config: PluginConfig): ConfiguredPlugin {
		return new ConfiguredPlugin(this.manifest, {
			key: "test",
			name: this.manifest.name,
			version: this.manifest.version,
			digest: "",
			modules: this.#modules,
			config: { config: JSON.stringify(config) },
			secrets: [],
			grants: this.manifest.permissions ?? [],
			waits: false,
			limits: limitsOf(this.manifest),
			tools: this.manifest.tools ?? [],
		});
	}
}

export class ConfiguredPlugin {
	readonly #manifest: Manifest;
	readonly #plugin: LoadedPlugin;

	constructor(manifest: Manifest, image: PluginImage) {
		this.#manifest = manifest;
		this.#plugin = new LoadedPlugin(image);
	}

	/** Why it cannot be activated; `undefined` when it can. */
	async activationFault(): Promise<string | undefined> {
		return (await this.#plugin.prepare())?.message;
	}

	/** @throws Error with the outcome when the plugin gave no usable result */
	async send<Event extends HookEvent>(event: Event): Promise<Answer<Event>> {
		await this.#plugin.prepare();
		const before = process.cpuUsage();
		const invocation = await this.#plugin.invoke(event.hook, JSON.stringify(event));
		const used = process.cpuUsage(before);
		const result = resultOf(invocation);
		const entry = this.#manifest.hooks.find(({ hook }) => hook === event.hook);
		if (entry === undefined) throw new Error(`${this.#manifest.name} has no ${event.hook}`);
		const applied = applyResult(event, result, entry.effect, entry.paths ?? [], this.#manifest.name);
		if (applied.fault !== undefined) throw new Error(`bad_output: ${applied.fault}`);
		if (applied.stripped.length > 0) throw new Error(`not allowed by its manifest: ${applied.stripped.join(", ")}`);
		return {
			action: applied.action,
			data: (applied.event ?? event).data as Event["data"],
			paths: applied.paths,
			...(applied.block === undefined ? {} : { reason: applied.block }),
			...(applied.claim === undefined ? {} : { claim: applied.claim }),
			annotations: result.annotations ?? {},
			cpuMs: (used.user + used.system) / 1000,
		};
	}
}

function resultOf({ result, failure }: Invocation): PluginResult {
	if (result === undefined) throw new Error(`${failure?.outcome}: ${failure?.message}`);
	return result;
}

function limitsOf(manifest: Manifest): EffectiveLimits {
	return { ...DEFAULT_LIMITS, ...manifest.limits };
}
