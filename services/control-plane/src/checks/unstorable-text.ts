// PostgreSQL stores neither the character U+0000 nor half of a surrogate pair, in text or in JSON. Found here they are a
// fault with a place; found by the database they would be an error of ours in the middle of a transaction.

const unstorable = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** True when the text can be stored. */
export function isStorable(text: string): boolean {
	return text.search(unstorable) === -1;
}

/** JSON Pointer of the first string or key that cannot be stored; `undefined` when all can. Depth is the caller's concern. */
export function findUnstorable(value: unknown, path = ""): string | undefined {
	if (typeof value === "string") return isStorable(value) ? undefined : path;
	if (typeof value !== "object" || value === null) return undefined;
	for (const [key, inner] of Object.entries(value)) {
		if (!isStorable(key)) return path;
		const found = findUnstorable(inner, `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
		if (found !== undefined) return found;
	}
	return undefined;
}

/** The text with everything that cannot be stored replaced by U+FFFD. */
export function storable(text: string): string {
	return text.replace(unstorable, "\ufffd");
}

/** The JSON value with every text and key {@link storable}. Depth is the caller's concern. */
export function storableJson(value: unknown): unknown {
	if (typeof value === "string") return storable(value);
	if (Array.isArray(value)) return value.map(storableJson);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableJson(inner)]));
}
