// Digests and comparisons of stored JSON. PostgreSQL's jsonb reorders keys, so both need one form.
import { createHash } from "node:crypto";
import { canonicalJson } from "@hookbus/schemas";

export { canonicalJson } from "@hookbus/schemas";

/** SHA-256 of the canonical JSON, hex. */
export function digestOfJson(value: unknown): string {
	return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
