// One event on its way through the runtime, as the main thread sees it: who gets the answer, which table it runs on, and
// what is left to do.
import type { EventAddress } from "@hookbus/schemas";
import type { ChainState } from "../chain/chain-state.js";
import type { CallKind, StepCount, StepRefusal, ThreadChain } from "./thread-messages.js";

export interface HookCall {
	readonly kind: CallKind;
	readonly address: EventAddress;
	readonly chain: ThreadChain;
	/** Monotonic milliseconds when the event arrived. */
	readonly receivedAt: number;
	readonly attempt: number;
	readonly checkExpiry: boolean;
	readonly only?: readonly number[];
	readonly refusals?: readonly StepRefusal[];
	/** The event's bytes now: as they arrived, or after the patches of finished steps. */
	body: Uint8Array;
	resume?: { readonly state: ChainState; readonly nextStep: number };
	/** How often a thread ended under this event without a condemned invocation. */
	crashes: number;
	/** When the next progress frame is due, in monotonic milliseconds. */
	nextFrameAt: number;
	/** When the verdict must have left, in monotonic milliseconds; read from the event only when it is late. */
	dueAt: number | undefined;
	/** Called exactly once. */
	readonly finish: (completion: CallCompletion) => void;
	/** Somebody waits for progress frames. */
	readonly progress?: () => void;
}

export interface CallCompletion {
	/** The answer; `undefined` when nobody is to be answered. */
	readonly reply: Uint8Array | undefined;
	/** The event's deadline in milliseconds. */
	readonly deadlineMs: number;
	readonly steps: readonly StepCount[];
	/** Execution records as JSON objects, joined by commas. */
	readonly executions: string;
	/** The event on which observers are still to run. */
	readonly observe: Uint8Array | undefined;
	/** The event got a problem instead of a verdict. */
	readonly refused: string | undefined;
}
