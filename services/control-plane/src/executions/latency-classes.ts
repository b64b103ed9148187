// Latencies as a histogram with classes that grow by a constant factor (the idea of DDSketch). Percentiles of two ranges
// cannot be added up, histograms can; and with 4 % from class to class no percentile made from them is off by more than 2 %.
// A t-digest would be as small, but its result depends on the order of insertion and cannot take anything back.
import { type SQL, sql } from "drizzle-orm";

/** Upper bound of a class divided by its lower bound. Rows hold class numbers, so it can never be changed. */
const GROWTH = 1.04;
/** Milliseconds; what is shorter or longer counts as this. */
const SHORTEST_MS = "0.001";
const LONGEST_MS = "1e9";

/** Number of the class of a latency in milliseconds, as SQL. Written out: a migration has the same text. */
export function latencyClass(milliseconds: SQL): SQL {
	return sql`floor(ln(least(greatest(${milliseconds}, ${sql.raw(SHORTEST_MS)}), ${sql.raw(LONGEST_MS)})) / ln(${sql.raw(`${GROWTH}::double precision`)}))::integer`;
}

export class LatencyHistogram {
	readonly #calls = new Map<number, number>();
	#total = 0;

	add(classes: Readonly<Record<string, number>>): void {
		for (const [key, calls] of Object.entries(classes)) {
			this.#calls.set(Number(key), (this.#calls.get(Number(key)) ?? 0) + calls);
			this.#total += calls;
		}
	}

	/**
	 * For each share, ascending, the latency in milliseconds that so many of the calls did not pass; 0 without calls.
	 */
	percentiles<Shares extends readonly number[]>(shares: Shares): { [Index in keyof Shares]: number } {
		const classes = [...this.#calls].sort(([a], [b]) => a - b);
		let index = -1;
		let passed = 0;
		const found = shares.map((share) => {
			const wanted = Math.max(1, Math.ceil(share * this.#total));
			while (passed < wanted && index < classes.length - 1) {
				index += 1;
				passed += classes[index]?.[1] ?? 0;
			}
			const latency = classes[index]?.[0];
			// The point of the class that is relatively as far from its lower bound as from its upper one.
			return latency === undefined ? 0 : (2 * GROWTH ** (latency + 1)) / (GROWTH + 1);
		});
		return found as { [Index in keyof Shares]: number };
	}
}
