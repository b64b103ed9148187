// Keeps postgres.js 3.4.9 from using a connection that is gone. It rolls a transaction back on the connection that the
// transaction just lost: the process crashes (porsager/postgres#1133), or, when the connection was made anew meanwhile, the
// rest of the lost transaction runs inside another one (#1216). A test ends sessions in the middle of transactions.
import type postgres from "postgres";
import { isConnectionLost } from "./map-database-error.js";

/** The client for drizzle: a transaction whose connection is gone sends nothing more, neither queries nor its rollback. */
export function forgetLostConnections(client: postgres.Sql): postgres.Sql {
	const begin = (work: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<unknown> => {
		let lost = false;
		const outcome = client.begin(async (sql) => {
			try {
				const result = await work(refusing(sql, () => lost));
				if (!lost) return result;
			} catch (thrown) {
				if (!lost && !isConnectionLost(thrown)) throw thrown;
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

function refusing(sql: postgres.TransactionSql, isLost: () => boolean): postgres.TransactionSql {
	const unsafe: typeof sql.unsafe = (...query) => {
		if (isLost()) throw Object.assign(new Error("the transaction has lost its connection"), { code: "CONNECTION_CLOSED" });
		return sql.unsafe(...query);
	};
	return new Proxy(sql, {
		get: (target, name) => (name === "unsafe" ? unsafe : Reflect.get(target, name)),
	});
}
