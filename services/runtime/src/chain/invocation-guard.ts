// What the chain runner asks of whoever limits its time. In a worker thread the guard writes to shared memory, where the
// watchdog reads; in the same thread (tests, debugging) nothing can interrupt a plugin, and the guard only agrees.

export interface InvocationGuard {
	/** Takes the event in `slot`. False: somebody else has it. */
	begin(slot: number): boolean;
	/** Before an invocation. `slot` -1: an instance is being prepared, no event is at stake. */
	arm(slot: number, step: number, startedAt: number, deadlineAt: number): void;
	/** After it. Does not return when the invocation was condemned. */
	disarm(): void;
	/** Writes down what was done for an event before `step`. The state is asked for only by a guard that writes it. */
	checkpoint(slot: number, step: number, state: () => string, event: string | undefined): void;
}

/** A guard that limits nothing. */
export const UNGUARDED: InvocationGuard = {
	begin: () => true,
	arm: () => undefined,
	disarm: () => undefined,
	checkpoint: () => undefined,
};
