// Every message between the main thread and a worker thread. Event bodies and replies travel in one transferred buffer per
// batch: one hop for each event cost a third of the throughput.
import type { ActivationFault, EventAddress, HookName, Outcome, PluginAction, RouteStep } from "@hookbus/schemas";
import type { ChainState } from "../chain/chain-state.js";
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";

/** A chain as a thread runs it. */
export interface ThreadChain {
	readonly id: number;
	readonly tenant: string;
	readonly hook: HookName;
	readonly revision: number;
	/** One of its plugins may wait for the network or the bus, so it runs away from those that never do. */
	readonly waits: boolean;
	readonly steps: readonly ThreadStep[];
}

export interface ThreadStep extends RouteStep {
	/** Key of the image; `undefined` when the plugin could not be loaded. */
	readonly image: string | undefined;
	readonly name: string;
	readonly version: string;
	readonly digest: string;
	/** Users who opted in; absent: nobody has to. */
	readonly optedIn?: ReadonlySet<string>;
	/** Why the plugin could not be loaded; every invocation then fails with it. */
	readonly loadFault?: string;
	/** What runs for users with a configuration of their own, by their id; absent: nobody has one. */
	readonly users?: ReadonlyMap<string, UserImage>;
	/** It is as the event's user has it, with an image of the user's own; absent in chains. */
	readonly ofUser?: true;
}

/** What differs in a step for one user. */
export type UserImage = Pick<ThreadStep, "image" | "version" | "digest" | "loadFault">;

/**
 * `reply`: somebody waits; observers are left out. `observe`: the observers of an event that was answered. `durable`: an
 * event of JetStream; only the steps in `only` run.
 */
export type CallKind = "reply" | "observe" | "durable";

export interface RunItem {
	/** Cell of the thread's claim table. */
	readonly slot: number;
	readonly chain: number;
	readonly kind: CallKind;
	readonly address: EventAddress;
	/** Of the route table that the event runs on. */
	readonly revision: number;
	/** Monotonic milliseconds when the event arrived. */
	readonly receivedAt: number;
	readonly offset: number;
	readonly length: number;
	/** Delivery of a durable event; 1 for the others. */
	readonly attempt: number;
	/** The process stood still a moment ago: events that are past their wall-clock deadline are not run. */
	readonly checkExpiry: boolean;
	/** Durable: steps that still have to run. */
	readonly only?: readonly number[];
	readonly refusals?: readonly StepRefusal[];
	/** The event had been started on a thread that was ended: what was done, and where to go on. */
	readonly resume?: { readonly state: ChainState; readonly nextStep: number };
}

/** What a thread takes into service, in a message of its own: bounded, so that neither side is held up by a large table. */
export interface ThreadLoad {
	readonly images: readonly PluginImage[];
	/** An instance of each image is made at once. */
	readonly warm: boolean;
	readonly lists: readonly UserList[];
	readonly chains: readonly EncodedChain[];
}

/** What a thread may forget. */
export interface ThreadDrop {
	readonly images: readonly string[];
	readonly chains: readonly number[];
	readonly lists: readonly number[];
}

/** A chain as text: it crosses to every thread at the cost of a copy, and is parsed there by its first event. */
export interface EncodedChain {
	readonly id: number;
	readonly text: string;
}

/** Who opted in, or what runs for whom. */
export type StepUsers = ReadonlySet<string> | ReadonlyMap<string, UserImage>;

/** For all chains that name the list. */
export interface UserList {
	readonly id: number;
	readonly users: StepUsers;
}

export type ToThread =
	| {
			readonly type: "load";
			readonly id: number;
			readonly load: ThreadLoad;
	  }
	| { readonly type: "own"; readonly id: number; readonly image: PluginImage; readonly call: OwnCall }
	| { readonly type: "drop"; readonly drop: ThreadDrop }
	| { readonly type: "run"; readonly body: ArrayBuffer; readonly items: readonly RunItem[] };

export interface StepCount {
	readonly chain: number;
	readonly step: number;
	readonly outcome: Outcome;
	readonly action: PluginAction | undefined;
	readonly durationMs: number;
	/** The plugin was run. */
	readonly ran: boolean;
	/** The outcome says something about the plugin: it was run, and did not fail by our fault. */
	readonly accountable: boolean;
	/** It was the image of one user, with a configuration that nobody else has. */
	readonly ofUser: boolean;
	/** Why it failed. */
	readonly error: string | undefined;
	/** US dollars that the plugin reported. */
	readonly cost: number | undefined;
}

/** A step that must not run for this event, and fails with this. */
export interface StepRefusal {
	readonly step: number;
	readonly outcome: Extract<Outcome, "overloaded" | "rate_limited" | "over_budget" | "breaker_open">;
	readonly error: string;
}

export type DoneItem = {
	readonly slot: number;
	/** Where the reply stands in the batch's body; length 0: nothing to answer. */
	readonly offset: number;
	readonly length: number;
	/** Milliseconds of the event's own deadline; a reply after it would only confuse. */
	readonly deadlineMs: number;
	readonly steps: readonly StepCount[];
	/** Execution records as JSON objects, joined by commas; empty when there are none. */
	readonly executions: string;
	/** Observers of this event are still to run, on these bytes. */
	readonly observe?: { readonly offset: number; readonly length: number } | "as-sent";
	/** The event was refused with this code. */
	readonly refused?: string;
};

export type FromThread =
	| { readonly type: "ready" }
	/** Answers `load` and `own`. */
	| { readonly type: "loaded"; readonly id: number; readonly faults: readonly LoadFault[] }
	| {
			readonly type: "done";
			readonly body: ArrayBuffer;
			readonly items: readonly DoneItem[];
			readonly skipped: readonly number[];
	  };

export interface LoadFault extends Pick<ActivationFault, "code" | "message"> {
	readonly image: string;
}
