// One attack: a hostile module, the limit that must stop it, and what the event that it was called for gets.
import type { Outcome, Verdict } from "@hookbus/schemas";
import type { TestPlugin } from "../support/route-tables.js";
import type { OutsideWorld } from "./outside-world.js";

export type HostilePlugin = Partial<Pick<TestPlugin, "name" | "limits" | "config" | "grants" | "network" | "secrets">>;

export interface Attack {
	/** Short name, unique in the suite. */
	readonly id: string;
	/** What the module tries. */
	readonly tries: string;
	/** Which limit or check stops it. */
	readonly stoppedBy: string;
	readonly module: (world: OutsideWorld) => Promise<Uint8Array>;
	/**
	 * How the invocation must end. `load_failed`: the module must not even be taken into service. `ok`: the attempt is without
	 * effect, and `looksAt` says how that is seen.
	 */
	readonly outcome: Outcome;
	/** What the trail's error must say. */
	readonly error?: RegExp;
	/** Says what is wrong with the verdict for this text; only asked when the outcome is the expected one. */
	readonly looksAt?: (verdict: Verdict, text: string) => string | undefined;
	/** Text of the events; default: a plain sentence. One event for each, one after the other. */
	readonly texts?: readonly string[];
	/** Send the events at the same time. */
	readonly together?: boolean;
	/** Changes of the plugin: its limits, its configuration, what it is granted. */
	readonly plugin?: HostilePlugin | ((world: OutsideWorld) => HostilePlugin);
	readonly effect?: "transform" | "gate";
}

/** Milliseconds that a hostile plugin gets for one event. */
export const TIME_LIMIT_MS = 100;

/** For modules that answer with a reason when they saw, or got, what they must not. */
export function sawNothing(verdict: Verdict): string | undefined {
	return verdict.trail[0]?.reason === undefined ? undefined : "the module got what it must not get";
}
