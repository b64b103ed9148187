// Asks plugins that export `health` how they are, when they come into service and then again and again. Without it a plugin whose own
// service is down is found out only by the events that it fails. What one of them says goes
//
//   unknown  in service since a moment            → healthy, unhealthy
//   healthy  its last answer was good             → unhealthy
//   unhealthy  its last answers were not          → healthy; after so many in a row: given up
//   given up   the control plane is told with every heartbeat, as by a breaker, and disables the plugin
//
// Events go on meanwhile: whether the plugin fails them is for its breaker to see.
import type { BreakerStatus, PluginProbe } from "@hookbus/schemas";
import type { PluginInService } from "../routing/live-tables.js";
import type { ChainExecutor } from "../threads/chain-executor.js";

export interface HealthProbesParts {
	readonly executor: Pick<ChainExecutor, "callOwn">;
	readonly inService: () => readonly PluginInService[];
	/** Milliseconds between two rounds. */
	readonly intervalMs: number;
	/** Bad answers in a row after which a plugin is given up. */
	readonly failures: number;
	/** Some answer differs from the one before. */
	readonly onChange: () => void;
}

interface Known {
	readonly probe: PluginProbe;
	/** When the first of its bad answers in a row came: RFC 3339, UTC. */
	readonly since: string;
	readonly revision: number;
}

const MAX_MESSAGE_CHARS = 250;

export class HealthProbes {
	readonly #parts: HealthProbesParts;
	/** By the key of the image. */
	readonly #known = new Map<string, Known>();
	#timer: NodeJS.Timeout | undefined;
	#round: Promise<void> | undefined;
	#stopped = false;

	constructor(parts: HealthProbesParts) {
		this.#parts = parts;
	}

	/** The last answer of each plugin that was asked, the bad ones first. */
	get results(): PluginProbe[] {
		return [...this.#known.values()].map(({ probe }) => probe).sort((a, b) => Number(a.healthy) - Number(b.healthy));
	}

	get givenUp(): BreakerStatus[] {
		return [...this.#known.values()]
			.filter(({ probe }) => probe.failures >= this.#parts.failures)
			.map(({ probe: { tenant, plugin, version, failures, message }, since, revision }) => ({
				tenant,
				plugin,
				version,
				state: "given_up",
				openings: failures,
				reason: `its health: ${message}`,
				since,
				revision,
			}));
	}

	start(): void {
		this.#timer = setInterval(() => this.#begin(() => true), this.#parts.intervalMs);
		this.look();
	}

	/** Asks those that were not asked yet, now; call it when plugins come into service. */
	look(): void {
		this.#begin(({ image }) => !this.#known.has(image.key));
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		clearInterval(this.#timer);
		await this.#round;
	}

	/** One round at a time; those that a round does not reach are reached by the next. */
	#begin(which: (plugin: PluginInService) => boolean): void {
		if (this.#stopped || this.#round !== undefined) return;
		this.#round = this.#ask(which).finally(() => {
			this.#round = undefined;
		});
	}

	async #ask(which: (plugin: PluginInService) => boolean): Promise<void> {
		const plugins = this.#parts.inService().filter(({ image }) => image.modules.ownCalls.includes("health"));
		const keys = new Set(plugins.map(({ image }) => image.key));
		for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
		for (const plugin of plugins.filter(which)) {
			if (this.#stopped) return;
			const fault = await this.#parts.executor.callOwn(plugin.image, "health");
			this.#learn(plugin, fault && `${fault.code}: ${fault.message}`);
		}
	}

	/** @param fault absent: it is well */
	#learn({ tenant, revision, image }: PluginInService, fault: string | undefined): void {
		const before = this.#known.get(image.key);
		const time = new Date().toISOString();
		const failures = fault === undefined ? 0 : (before?.probe.failures ?? 0) + 1;
		const probe: PluginProbe = {
			tenant,
			plugin: image.name,
			version: image.version,
			healthy: fault === undefined,
			failures,
			time,
			...(fault === undefined ? {} : { message: fault.slice(0, MAX_MESSAGE_CHARS) }),
		};
		const since = failures > 1 ? (before?.since ?? time) : time;
		this.#known.set(image.key, { probe, since, revision });
		if (before?.probe.healthy !== probe.healthy || failures === this.#parts.failures) this.#parts.onChange();
	}
}
