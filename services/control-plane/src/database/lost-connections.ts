// Keeps postgres.js 3.4.9 from using a connection that is gone. It rolls a transaction back on the connection that the
// transaction just lost: the process crashes (porsager/postgres#1133), or, when the connection was made anew meanwhile, the
// rest of the lost transaction runs inside another one (#1216). A test ends sessions in the middle of transactions.
import type postgres from "postgres";
import { isConnectionLost } from "./map-database-error.js";

/**
 * The client for drizzle: a transaction whose connection is gone sends nothing more, neither queries nor its rollback.
 *
 * @param first begins each transaction; it goes out together with the statement after it, which fails when this one does
 */
export function forgetLostConnections(client: postgres.Sql, first?: string): postgres.Sql {
	const begin = (work: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<unknown> => {
		let lost = false;
		const outcome = client.begin(async (sql) => {
			// Not awaited: the server answers in the order in which it was asked, so no statement of the work comes before this one.
			const began = first === undefined ? undefined : sql.unsafe(first).execute();
			began?.catch(() => undefined);
			try {
				const result = await work(refusing(sql, () => lost));
				await began;
				if (!lost) return result;
			} catch (thrown) {
				// When the first one failed, those of the work did for that reason only.
				const cause = (await failureOf(began)) ?? thrown;
				if (!lost && !isConnectionLost(cause)) throw cause;
			}
			// The driver waits for this or for the close of the connection, whichever is first. Only the close may be it.
			return new Promise(() => undefined);
		});
		outcome.catch(() => {
			lost = true;
		});
		return outcome;
	};
	return new Proxy(client, {
		get: (target, name) => (name === "begin" ? begin : Reflect.get(target, name)),
	});
}

async function failureOf(statement: Promise<unknown> | undefined): Promise<unknown> {
	try {
		await statement;
		return undefined;
	} catch (thrown) {
		return thrown;
	}
}

function refusing(sql: postgres.TransactionSql, isLost: () => boolean): postgres.TransactionSql {
	const unsafe: typeof sql.unsafe = (...query) => {
		if (isLost()) throw Object.assign(new Error("the transaction has lost its connection"), { code: "CONNECTION_CLOSED" });
		return sql.unsafe(...query);
	};
	return new Proxy(sql, {
		get: (target, name) => (name === "unsafe" ? unsafe : Reflect.get(target, name)),
	});
}
