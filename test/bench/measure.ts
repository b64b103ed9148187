// Medians of two things measured in turns. A ratio of two runs one after the other would measure the machine's mood.

/** The value below which half of the samples lie. */
export function median(samples: readonly number[]): number {
	const sorted = [...samples].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	const upper = sorted[middle] as number;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export interface Pair {
	/** Median of our side. */
	readonly ours: number;
	/** Median of the other side. */
	readonly other: number;
}

/**
 * Runs both sides in turns and returns their medians in microseconds for one run.
 *
 * @param rounds how often the sides take turns
 * @param each runs of a side in one turn
 */
export async function timeInTurns(
	ours: () => Promise<unknown>,
	other: () => Promise<unknown>,
	rounds: number,
	each: number,
): Promise<Pair> {
	const samples = { ours: [] as number[], other: [] as number[] };
	for (let round = -1; round < rounds; round += 1) {
		for (const [side, run] of [
			["ours", ours],
			["other", other],
		] as const) {
			for (let turn = 0; turn < each; turn += 1) {
				const started = process.hrtime.bigint();
				await run();
				const took = Number(process.hrtime.bigint() - started) / 1_000;
				// The first round only warms up.
				if (round >= 0) samples[side].push(took);
			}
		}
	}
	return { ours: median(samples.ours), other: median(samples.other) };
}

/**
 * Keeps `concurrency` runs going for `ms` milliseconds and returns runs per second.
 */
export async function throughput(run: () => Promise<unknown>, concurrency: number, ms: number): Promise<number> {
	let done = 0;
	const started = performance.now();
	const lane = async () => {
		while (performance.now() - started < ms) {
			await run();
			done += 1;
		}
	};
	await Promise.all(Array.from({ length: concurrency }, lane));
	return (done / (performance.now() - started)) * 1_000;
}
