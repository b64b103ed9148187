// Runs one suite over both databases. What works on PGlite and not on PostgreSQL, or the other way, must not get through.
import { createDatabase } from "../support/create-database.js";

export interface DatabaseKind {
	readonly kind: "PGlite" | "PostgreSQL";
	/** URL for a fresh one; undefined: PGlite in the data directory. */
	create(): Promise<string | undefined>;
}

export const EACH_DATABASE: readonly DatabaseKind[] = [
	{ kind: "PGlite", create: async () => undefined },
	{ kind: "PostgreSQL", create: createDatabase },
];
