// Finds names that look like others: `hello-w0rld` beside `hello-world`. Whoever installs the wrong one of two such plugins was meant
// to. Names have lower case letters, digits and hyphens only, so case and other alphabets cannot be played with; what is left is
// hyphens and letters that look alike.

/** Longer ones first, so that `vv` is a `w` before its `v` is anything. */
const ALIKE: readonly (readonly [RegExp, string])[] = [
	[/-/g, ""],
	[/rn/g, "m"],
	[/vv/g, "w"],
	[/cl/g, "d"],
	[/0/g, "o"],
	[/[1i]/g, "l"],
	[/5/g, "s"],
	[/2/g, "z"],
	[/8/g, "b"],
];

/** What is left of a name when everything that looks alike is the same. */
function skeleton(name: string): string {
	return ALIKE.reduce((text, [pattern, letter]) => text.replace(pattern, letter), name);
}

/** Those of the names that look like this one and are others, sorted. */
export function lookalikesOf(name: string, names: Iterable<string>): string[] {
	const wanted = skeleton(name);
	return [...names].filter((other) => other !== name && skeleton(other) === wanted).sort();
}
