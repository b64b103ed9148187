// Changes bytes at random, from a seed, so that a run can be repeated: flips, replacements, removals, copies of parts.
export type Random = () => number;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): Random {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}

function below(random: Random, limit: number): number {
	return Math.floor(random() * limit);
}

/** Replaces one to `most` bytes between `begin` and `end`. */
export function replaceBytes(bytes: Uint8Array, random: Random, most: number, begin = 0, end = bytes.length): Uint8Array {
	const mutated = Uint8Array.from(bytes);
	for (let left = 1 + below(random, most); left > 0; left -= 1) {
		const at = begin + below(random, end - begin);
		mutated[at] = random() < 0.5 ? below(random, 256) : (mutated[at] as number) ^ (1 << below(random, 8));
	}
	return mutated;
}

/** Removes a part, or puts a copy of a part somewhere. */
export function moveBytes(bytes: Uint8Array, random: Random): Uint8Array {
	const at = below(random, bytes.length);
	const length = 1 + below(random, Math.min(64, bytes.length - at));
	if (random() < 0.5) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
	const to = below(random, bytes.length);
	return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, at + length), bytes.subarray(to)]);
}

/** Replaces one value somewhere in a JSON value by another. */
export function replaceValue(value: unknown, random: Random): unknown {
	if (typeof value !== "object" || value === null || random() < 0.1) return STRANGE[below(random, STRANGE.length)];
	if (Array.isArray(value)) {
		const at = below(random, value.length);
		return value.map((item, index) => (index === at ? replaceValue(item, random) : item));
	}
	const keys = Object.keys(value);
	const chosen = keys[below(random, keys.length)];
	return Object.fromEntries(
		Object.entries(value).map(([key, item]) => [key, key === chosen ? replaceValue(item, random) : item]),
	);
}

const STRANGE: readonly unknown[] = [
	null,
	true,
	0,
	-1,
	1e308,
	"",
	"\u0000",
	"\ud800",
	"x".repeat(5_000),
	"__proto__",
	[],
	{},
	[[[[[]]]]],
	{ constructor: { prototype: {} } },
	JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
];
