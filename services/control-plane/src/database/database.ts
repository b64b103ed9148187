// What the rest of the service knows of the database: two ways to run queries, and nothing of the driver behind them. Both
// drivers (PostgreSQL and PGlite) must behave alike, so the same tests run over both.
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";

/** A connection or a transaction; repositories take it as first argument and cannot tell which it is. */
export type Queries = PgDatabase<PgQueryResultHKT, Record<string, never>>;

export interface Database {
	readonly kind: "postgres" | "pglite";
	/**
	 * Runs queries, each on its own.
	 *
	 * @throws CodedError `database_unavailable` when the database cannot be reached or does not answer in time
	 */
	query<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
	/**
	 * Runs queries all or nothing. Inside `work` use only the queries that it is given: on PGlite there is one connection,
	 * and anything else would wait for this transaction for ever.
	 *
	 * @throws CodedError `database_unavailable` when the database cannot be reached or does not answer in time; whether a
	 * commit that was under way took effect is then not known
	 */
	transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
	/** Applies the migrations that are missing. Safe when several processes start at once. */
	migrate(): Promise<void>;
	/** Idempotent. */
	close(): Promise<void>;
}
