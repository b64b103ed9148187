// PostgreSQL through postgres.js. A server that hangs (frozen, or cut off without a reset) would keep a connection, and
// with it the pool, for many minutes; so every piece of work has a time limit, and a pool that ran into it is replaced. So is
// one that lost a connection: postgres.js may make that connection anew and then wait for ever to write to it
// (porsager/postgres#1215).
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import type { Logger } from "pino";
import postgres from "postgres";
import { errors } from "../errors.js";
import type { Database, Queries, QueryRunner } from "./database.js";
import { forgetLostConnections } from "./lost-connections.js";
import { isConnectionLost, mapDatabaseError } from "./map-database-error.js";
import { MIGRATIONS } from "./migrations.js";
import { secureRows } from "./secure-rows.js";
import { becomeTenant } from "./tenant-role.js";

export interface PostgresOptions {
	/** `postgres://user:password@host:port/database` */
	readonly url: string;
	/** Certificates (PEM) of the server's authority: demands TLS and verifies the server; default: as the URL says. */
	readonly ca?: string | undefined;
	/** Most connections; default 10. */
	readonly connections?: number;
	/** Milliseconds that one query or transaction may take. */
	readonly timeoutMs: number;
}

/** Number of the advisory lock that lets one process migrate at a time. */
const MIGRATION_LOCK = 0x686f_6f6b;
/** Migrations may rewrite tables, so they get more time than a request. */
const MIGRATION_TIMEOUT_MS = 10 * 60_000;
const LOST = "a connection to the database was lost";
/** Seconds for the queries of a pool that is closed. */
const END_GRACE_SECONDS = 3;

interface Pool {
	readonly client: postgres.Sql;
	readonly queries: Queries;
}

/** Makes the pool; nothing is connected before the first query. */
export function openPostgres(options: PostgresOptions, logger: Logger): Database {
	const connectSeconds = Math.max(1, Math.ceil(options.timeoutMs / 1_000) - 1);
	const connect = (settings: Parameters<typeof postgres>[1], statementTimeoutMs: number): postgres.Sql =>
		postgres(options.url, {
			connect_timeout: connectSeconds,
			...(options.ca === undefined ? {} : { ssl: { ca: options.ca, rejectUnauthorized: true } }),
			// A constant pause: after an outage the service is back at once and not after an exponential wait.
			backoff: () => 0.25,
			idle_timeout: 60,
			// The query for array types, which we do not have, is the driver's own: when it fails nobody can catch that.
			fetch_types: false,
			keep_alive: 10,
			onnotice: (notice) => logger.debug({ notice: notice["message"] }, "database notice"),
			...settings,
			connection: {
				application_name: "hookbus-control-plane",
				statement_timeout: statementTimeoutMs,
				idle_in_transaction_session_timeout: statementTimeoutMs * 2,
				...settings?.connection,
			},
		});
	const openPool = (): Pool => {
		const client = connect({ max: options.connections ?? 10 }, options.timeoutMs);
		return { client, queries: drizzle({ client: forgetLostConnections(client) }) };
	};

	let pool = openPool();
	let closing: Promise<void> | undefined;
	const retired = new Set<Promise<void>>();

	/** @param graceSeconds for what runs on the old pool's other connections */
	const replace = (old: Pool, graceSeconds: number, why: string): void => {
		if (pool !== old || closing !== undefined) return;
		pool = openPool();
		logger.warn(`${why}; its connections are given up and opened anew`);
		const ended = old.client.end({ timeout: graceSeconds }).catch(() => undefined);
		retired.add(ended);
		void ended.then(() => retired.delete(ended));
	};

	const guarded = async <T>(work: (pool: Pool) => Promise<T>): Promise<T> => {
		const used = pool;
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<never>((_, reject) => {
			timer = setTimeout(() => {
				replace(used, 0, "the database did not answer in time");
				reject(
					errors.database_unavailable(`the database did not answer within ${options.timeoutMs} ms; try again in a few seconds`),
				);
			}, options.timeoutMs);
		});
		try {
			return await Promise.race([work(used), late]);
		} catch (thrown) {
			if (isConnectionLost(thrown)) replace(used, END_GRACE_SECONDS, LOST);
			throw mapDatabaseError(thrown);
		} finally {
			clearTimeout(timer);
		}
	};

	const begin = ({ client }: Pool, tenant: string, access: "read" | "write"): Queries["transaction"] => {
		const bound = drizzle({ client: forgetLostConnections(client, becomeTenant(tenant, access)) });
		return (work) => bound.transaction(work);
	};
	const runAs =
		(tenant: string): QueryRunner["transaction"] =>
		(work) =>
			guarded((used) => begin(used, tenant, "write")(work));
	/** Who only reads does not wait for the end of the transaction: it changes nothing, so how it ends does not matter. */
	const readAs =
		(tenant: string): QueryRunner["query"] =>
		(work) =>
			guarded(
				(used) =>
					new Promise((resolve, reject) => {
						const ended = begin(used, tenant, "read")(async (queries) => resolve(await work(queries)));
						ended.catch((thrown: unknown) => {
							if (isConnectionLost(thrown)) replace(used, END_GRACE_SECONDS, LOST);
							reject(thrown);
						});
					}),
			);

	return {
		kind: "postgres",
		of: (tenant) => ({ tenant, query: readAs(tenant), transaction: runAs(tenant) }),
		acrossTenants: {
			query: (work) => guarded(({ queries }) => work(queries)),
			transaction: (work) => guarded(({ queries }) => queries.transaction(work)),
		},
		async migrate() {
			// One connection of its own: the advisory lock belongs to the session and goes with it.
			const client = connect({ max: 1 }, MIGRATION_TIMEOUT_MS);
			try {
				await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`;
				await migrate(drizzle({ client }), { migrationsFolder: MIGRATIONS });
				await secureRows((statement) => client.unsafe(statement));
			} catch (thrown) {
				throw mapDatabaseError(thrown);
			} finally {
				await client.end({ timeout: 1 });
			}
		},
		close() {
			closing ??= pool.client.end({ timeout: END_GRACE_SECONDS }).then(async () => {
				await Promise.all(retired);
			});
			return closing;
		},
	};
}
