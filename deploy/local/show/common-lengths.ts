// The table behind every comparison of two sequences: how long the longest common sequence of their ends is. It takes the
// product of both lengths, so callers bound what they compare.

/** `[i][j]`: length of the longest common sequence of a from i on and b from j on. */
export type CommonLengths = readonly Uint16Array[];

/** Elements are the same when their texts are. */
export function commonLengths(a: readonly string[], b: readonly string[]): CommonLengths {
	const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
	for (let i = a.length - 1; i >= 0; i--) {
		const row = lengths[i] as Uint16Array;
		for (let j = b.length - 1; j >= 0; j--) {
			row[j] =
				a[i] === b[j] ? lengthAt(lengths, i + 1, j + 1) + 1 : Math.max(lengthAt(lengths, i + 1, j), lengthAt(lengths, i, j + 1));
		}
	}
	return lengths;
}

/** 0 behind the end of either. */
export function lengthAt(lengths: CommonLengths, i: number, j: number): number {
	return lengths[i]?.[j] ?? 0;
}
