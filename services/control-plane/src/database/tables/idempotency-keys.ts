// Unsafe calls that came with an Idempotency-Key: which call it was, and what was answered. The answer can hold what is shown once
// only, such as a new API key, so it is sealed with what the caller knows and this database does not.
import { boolean, index, integer, pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { bytes } from "./bytes.js";

export const idempotencyKeys = pgTable(
	"idempotency_keys",
	{
		/** The caller's. Empty in rows of before there was this column; they live a day. */
		tenant: text().notNull().default(""),
		/** Id of the API key, or tenant and subject of a token. */
		caller: text().notNull(),
		/** As the caller chose it. */
		key: text().notNull(),
		/** SHA-256 of method, path, query and body, hex. */
		fingerprint: text().notNull(),
		/** Of the request that works on the call; another one when a repeated call took it over. */
		claim: uuid().notNull().defaultRandom(),
		/** When the process of that request last said that it lives. */
		aliveAt: timestamp("alive_at", { withTimezone: true }).notNull().defaultNow(),
		/** Set in the transaction of the change. */
		tookEffect: boolean("took_effect").notNull().default(false),
		/** Status of the answer; null: the call is being worked on, or its process died. */
		status: integer(),
		answer: bytes(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [primaryKey({ columns: [table.caller, table.key] }), index("idempotency_keys_created").on(table.createdAt)],
);
