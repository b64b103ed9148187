// JSON with sorted keys (RFC 8785): the same value gives the same text, whichever way it came. What is signed or digested as JSON
// goes through here; any other spelling of the same value would not verify.

/** JSON text with the keys of every object in code unit order. `undefined` properties are left out, as in JSON.stringify. */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map((inner) => canonicalJson(inner ?? null)).join(",")}]`;
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	const properties = Object.entries(value)
		.filter(([, inner]) => inner !== undefined)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
	return `{${properties.join(",")}}`;
}
