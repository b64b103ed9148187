// JSON with sorted keys: the same value gives the same text, whichever way it came. PostgreSQL's jsonb reorders keys, so
// digests and comparisons of stored JSON need one form.
import { createHash } from "node:crypto";

/** JSON text with the keys of every object in code unit order. `undefined` properties are left out, as in JSON.stringify. */
export function canonicalJson(value: unknown): string {
	return JSON.stringify(value, (_key, inner: unknown) => {
		if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
		return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
	});
}

/** SHA-256 of the canonical JSON, hex. */
export function digestOfJson(value: unknown): string {
	return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
