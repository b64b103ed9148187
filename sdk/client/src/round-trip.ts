// How long the way to a runtime and back takes now, besides the work. The tolerance for silence grows with it: on a slow
// network, or when runtimes lag behind under load, a fixed tolerance would send everything again and make the load worse.
import { FRAME_INTERVAL_MS } from "@hookbus/schemas";

/** Weight of a new sample, as TCP uses it. */
const WEIGHT = 1 / 8;
/** One sample counts no more than this many milliseconds; also the most that `smoothedMs` can be. */
const CEILING_MS = 250;

export class RoundTrip {
	#pingMs: number | undefined;
	#lagMs = 0;

	/** Milliseconds of one round trip between this client and the NATS server. */
	observePing(ms: number): void {
		const sample = Math.min(ms, CEILING_MS);
		this.#pingMs = this.#pingMs === undefined ? sample : this.#pingMs + (sample - this.#pingMs) * WEIGHT;
	}

	/**
	 * Milliseconds from sending an event to the first thing heard from a runtime. A healthy one says something after 40 ms
	 * at the latest, so only what is beyond that is the way's (or the queue's) and not the work's.
	 */
	observeFirstSound(ms: number): void {
		const sample = Math.min(Math.max(ms - FRAME_INTERVAL_MS, 0), CEILING_MS);
		this.#lagMs += (sample - this.#lagMs) * WEIGHT;
	}

	/** Smoothed milliseconds, 0–250. */
	get smoothedMs(): number {
		return Math.max(this.#pingMs ?? 0, this.#lagMs);
	}
}
