// PostgreSQL through postgres.js. A server that hangs (frozen, or cut off without a reset) would keep a connection, and
// with it the pool, for many minutes; so every piece of work has a time limit, and a pool that ran into it is replaced.
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import type { Logger } from "pino";
import postgres from "postgres";
import { errors } from "../errors.js";
import type { Database, Queries } from "./database.js";
import { mapDatabaseError } from "./map-database-error.js";
import { MIGRATIONS } from "./migrations.js";

export interface PostgresOptions {
	/** `postgres://user:password@host:port/database` */
	readonly url: string;
	/** Most connections; default 10. */
	readonly connections?: number;
	/** Milliseconds that one query or transaction may take. */
	readonly timeoutMs: number;
}

/** Number of the advisory lock that lets one process migrate at a time. */
const MIGRATION_LOCK = 0x686f_6f6b;
/** Migrations may rewrite tables, so they get more time than a request. */
const MIGRATION_TIMEOUT_MS = 10 * 60_000;

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
			// A constant pause: after an outage the service is back at once and not after an exponential wait.
			backoff: () => 0.25,
			idle_timeout: 60,
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
		return { client, queries: drizzle({ client }) };
	};

	let pool = openPool();
	let closing: Promise<void> | undefined;
	const retired = new Set<Promise<void>>();

	const replace = (stuck: Pool): void => {
		if (pool !== stuck || closing !== undefined) return;
		pool = openPool();
		logger.warn("the database did not answer in time; its connections are given up and opened anew");
		const ended = stuck.client.end({ timeout: 0 }).catch(() => undefined);
		retired.add(ended);
		void ended.then(() => retired.delete(ended));
	};

	const guarded = async <T>(work: (pool: Pool) => Promise<T>): Promise<T> => {
		const used = pool;
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<never>((_, reject) => {
			timer = setTimeout(() => {
				replace(used);
				reject(
					errors.database_unavailable(`the database did not answer within ${options.timeoutMs} ms; try again in a few seconds`),
				);
			}, options.timeoutMs);
		});
		try {
			return await Promise.race([work(used), late]);
		} catch (thrown) {
			throw mapDatabaseError(thrown);
		} finally {
			clearTimeout(timer);
		}
	};

	return {
		kind: "postgres",
		query: (work) => guarded(({ queries }) => work(queries)),
		transaction: (work) => guarded(({ queries }) => queries.transaction(work)),
		async migrate() {
			// One connection of its own: the advisory lock belongs to the session and goes with it.
			const client = connect({ max: 1 }, MIGRATION_TIMEOUT_MS);
			try {
				await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`;
				await migrate(drizzle({ client }), { migrationsFolder: MIGRATIONS });
			} catch (thrown) {
				throw mapDatabaseError(thrown);
			} finally {
				await client.end({ timeout: 1 });
			}
		},
		close() {
			closing ??= pool.client.end({ timeout: 3 }).then(async () => {
				await Promise.all(retired);
			});
			return closing;
		},
	};
}
