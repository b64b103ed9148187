// What the rest of the service knows of the database: two ways to run queries, and nothing of the driver behind them. Both
// drivers (PostgreSQL and PGlite) must behave alike, so the same tests run over both. Whoever works for one tenant takes
// `of(tenant)`, where the database itself shows no other rows: a forgotten predicate then finds nothing of another tenant's.
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";

/** A connection or a transaction; repositories take it as first argument and cannot tell which it is. */
export type Queries = PgDatabase<PgQueryResultHKT, Record<string, never>>;

export interface QueryRunner {
	/**
	 * Runs queries. Inside `work` use only the queries that it is given: on PGlite there is one connection, and anything else
	 * could wait for it for ever.
	 *
	 * @throws CodedError `database_unavailable` when the database cannot be reached or does not answer in time
	 */
	query<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
	/**
	 * Runs queries all or nothing. Inside `work` use only the queries that it is given, see `query`.
	 *
	 * @throws CodedError `database_unavailable` when the database cannot be reached or does not answer in time; whether a
	 * commit that was under way took effect is then not known
	 */
	transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
}

/** Shows and changes the rows of one tenant, whatever the queries say; its `query` only reads. See secure-rows.ts. */
export interface TenantDatabase extends QueryRunner {
	readonly tenant: string;
}

export interface Database {
	readonly kind: "postgres" | "pglite";
	/** For all work that is done for one tenant: every route with a caller, and every change. */
	of(tenant: string): TenantDatabase;
	/** Sees all rows. Only for work that belongs to no tenant; a test lists who does such work. */
	readonly acrossTenants: QueryRunner;
	/**
	 * Applies the migrations that are missing, and secures the rows of each tenant. Safe when several processes start at once.
	 *
	 * @throws CodedError `database_role_missing` when the database user may not make the role that it needs
	 */
	migrate(): Promise<void>;
	/** Idempotent. */
	close(): Promise<void>;
}
