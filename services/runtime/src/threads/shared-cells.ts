// The memory that the main thread and one worker thread share. A thread that runs a plugin cannot receive messages, so what
// the watchdog must know and decide stands here, and every decision is one atomic exchange: either the thread finished the
// invocation, or the main thread condemned it, never both.
//
// Run cell: generation * 4 + state. The generation grows with every invocation, so that the watchdog cannot condemn the
// invocation after the one it looked at.
//   IDLE      no invocation
//   ARMED     an invocation is running; slot, step, deadline are valid                  thread: IDLE → ARMED → IDLE
//   CONDEMNED the main thread took the event; the thread parks and will be terminated   main: ARMED → CONDEMNED
//
// Claim cell, one per slot:
//   FREE      no event
//   QUEUED    handed over, not begun          main: FREE → QUEUED
//   BEGUN     the thread works on it          thread: QUEUED → BEGUN
//   TAKEN     the main thread took it back    main: QUEUED → TAKEN
// A taken slot stays taken until the thread has reported that it skipped it: its message is still on the way, and a new
// event in the same slot would be begun twice.

const IDLE = 0;
const ARMED = 1;
const CONDEMNED = 2;

const FREE = 0;
const QUEUED = 1;
const BEGUN = 2;
const TAKEN = 3;

/** Events that one thread can have in hand. */
export const SLOTS = 1_024;

const HEADER_INTS = 16;
const RUN = 0;
const SLOT = 1;
const STEP = 2;
/** Slot + 1; 0: there is no checkpoint. */
const CHECKPOINT_SLOT = 3;
const CHECKPOINT_STEP = 4;
const CHECKPOINT_STATE_BYTES = 5;
const CHECKPOINT_EVENT_BYTES = 6;
const PARK = 7;

const FLOATS_AT = HEADER_INTS * 4;
const FLOATS = 2;
const DEADLINE = 0;
const STARTED = 1;
const CLAIMS_AT = FLOATS_AT + FLOATS * 8;
const CHECKPOINT_AT = CLAIMS_AT + SLOTS * 4;
/** Room for the state and the patched event; an event that needs more starts again from its beginning. */
const CHECKPOINT_BYTES = 1024 * 1024;

export interface RunningInvocation {
	/** -1: no event, the thread is preparing an instance. */
	readonly slot: number;
	readonly step: number;
	readonly startedAt: number;
	readonly deadlineAt: number;
	/** The run cell's value while this invocation runs. */
	readonly armed: number;
}

export interface Checkpoint {
	readonly state: string;
	/** The event after its patches; absent when it is as it arrived. */
	readonly event?: Uint8Array;
}

export class SharedCells {
	readonly buffer: SharedArrayBuffer;
	readonly #ints: Int32Array;
	readonly #floats: Float64Array;
	readonly #claims: Int32Array;
	readonly #checkpoint: Buffer;

	constructor(buffer = new SharedArrayBuffer(CHECKPOINT_AT + CHECKPOINT_BYTES)) {
		this.buffer = buffer;
		this.#ints = new Int32Array(buffer, 0, HEADER_INTS);
		this.#floats = new Float64Array(buffer, FLOATS_AT, FLOATS);
		this.#claims = new Int32Array(buffer, CLAIMS_AT, SLOTS);
		this.#checkpoint = Buffer.from(buffer, CHECKPOINT_AT, CHECKPOINT_BYTES);
	}

	// Thread's side

	/** Begins an invocation. */
	arm(slot: number, step: number, startedAt: number, deadlineAt: number): void {
		this.#floats[STARTED] = startedAt;
		this.#floats[DEADLINE] = deadlineAt;
		Atomics.store(this.#ints, SLOT, slot);
		Atomics.store(this.#ints, STEP, step);
		const generation = (Atomics.load(this.#ints, RUN) >>> 2) + 1;
		Atomics.store(this.#ints, RUN, ((generation << 2) >>> 0) | ARMED | 0);
	}

	/** Ends an invocation. False: the main thread condemned it, and this thread must not touch anything any more. */
	disarm(): boolean {
		const armed = Atomics.load(this.#ints, RUN);
		if ((armed & 3) !== ARMED) return false;
		return Atomics.compareExchange(this.#ints, RUN, armed, (armed & ~3) | IDLE) === armed;
	}

	/** Waits until the thread is terminated. */
	park(): never {
		for (;;) Atomics.wait(this.#ints, PARK, 0);
	}

	/** Takes an event to work on. False: the main thread took it back. */
	begin(slot: number): boolean {
		return Atomics.compareExchange(this.#claims, slot, QUEUED, BEGUN) === QUEUED;
	}

	/** Writes down what was done before `step` begins. Too large a state is not written: the event would start again. */
	writeCheckpoint(slot: number, step: number, state: string, event: string | undefined): void {
		Atomics.store(this.#ints, CHECKPOINT_SLOT, 0);
		const stateBytes = Buffer.byteLength(state);
		const eventBytes = event === undefined ? 0 : Buffer.byteLength(event);
		if (stateBytes + eventBytes > CHECKPOINT_BYTES) return;
		this.#checkpoint.write(state, 0);
		if (event !== undefined) this.#checkpoint.write(event, stateBytes);
		Atomics.store(this.#ints, CHECKPOINT_STATE_BYTES, stateBytes);
		Atomics.store(this.#ints, CHECKPOINT_EVENT_BYTES, eventBytes);
		Atomics.store(this.#ints, CHECKPOINT_STEP, step);
		Atomics.store(this.#ints, CHECKPOINT_SLOT, slot + 1);
	}

	// Main thread's side

	/** Hands an event over, before its message is sent. */
	queue(slot: number): void {
		Atomics.store(this.#claims, slot, QUEUED);
	}

	/** Takes an event back. False: the thread has begun it. */
	take(slot: number): boolean {
		return Atomics.compareExchange(this.#claims, slot, QUEUED, TAKEN) === QUEUED;
	}

	/** Forgets an event that is done or was taken back. */
	release(slot: number): void {
		Atomics.store(this.#claims, slot, FREE);
	}

	/** The invocation that runs now, if one does. */
	running(): RunningInvocation | undefined {
		const armed = Atomics.load(this.#ints, RUN);
		if ((armed & 3) !== ARMED) return undefined;
		const invocation = {
			slot: Atomics.load(this.#ints, SLOT),
			step: Atomics.load(this.#ints, STEP),
			startedAt: this.#floats[STARTED] as number,
			deadlineAt: this.#floats[DEADLINE] as number,
			armed,
		};
		// The fields belong to this generation only if it is still the current one.
		return Atomics.load(this.#ints, RUN) === armed ? invocation : undefined;
	}

	/** Takes the running invocation away from the thread. False: it ended in the meantime. */
	condemn(invocation: RunningInvocation): boolean {
		return Atomics.compareExchange(this.#ints, RUN, invocation.armed, (invocation.armed & ~3) | CONDEMNED) === invocation.armed;
	}

	/** What was done for an event before `step`; only after {@link condemn}, or when the thread is gone. */
	readCheckpoint(slot: number, step: number): Checkpoint | undefined {
		if (Atomics.load(this.#ints, CHECKPOINT_SLOT) !== slot + 1 || Atomics.load(this.#ints, CHECKPOINT_STEP) !== step)
			return undefined;
		const stateBytes = Atomics.load(this.#ints, CHECKPOINT_STATE_BYTES);
		const eventBytes = Atomics.load(this.#ints, CHECKPOINT_EVENT_BYTES);
		const state = this.#checkpoint.toString("utf8", 0, stateBytes);
		if (eventBytes === 0) return { state };
		return { state, event: Uint8Array.from(this.#checkpoint.subarray(stateBytes, stateBytes + eventBytes)) };
	}
}
