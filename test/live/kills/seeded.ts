// Random choices that a seed repeats: a failed run can be looked at again.

export interface Choices {
	/** From 0 to below 1. */
	fraction(): number;
	/** One of these. */
	one<T>(among: readonly T[]): T;
}

/** Mulberry32: small, and good enough to choose with. */
export function choicesOf(seed: number): Choices {
	let state = seed >>> 0;
	const fraction = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	return {
		fraction,
		one(among) {
			const chosen = among[Math.floor(fraction() * among.length)];
			if (chosen === undefined) throw new Error("there is nothing to choose from");
			return chosen;
		},
	};
}
