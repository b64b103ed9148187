/**
 * The best of several measurements: tries until one is at most `limitMs`, at most `attempts` times. A shared machine may
 * stand still for longer than any limit of ours; what is never reached, however often it is tried, is our own fault.
 */
export async function bestOf(attempts: number, limitMs: number, measure: () => Promise<number>): Promise<number> {
	let best = Number.POSITIVE_INFINITY;
	for (let attempt = 0; attempt < attempts && best > limitMs; attempt += 1) best = Math.min(best, await measure());
	return best;
}
