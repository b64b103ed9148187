// Values of a foreign manifest as texts. `String` would call what a stranger wrote as toString.

/** A text or number as text; empty for everything else. */
export function scalarText(value: unknown): string {
	return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** A value as messages show it. */
export function shown(value: unknown): string {
	return JSON.stringify(value)?.slice(0, 100) ?? "nothing";
}
