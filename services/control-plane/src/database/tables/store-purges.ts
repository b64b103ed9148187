// What deleted plugins kept on the bus and what has still to be removed. A row is written in the transaction that deletes the plugin,
// and goes when it is done, so that a crash in between leaves nothing behind that a later plugin of the same name would find.
import { bigint, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const storePurges = pgTable(
	"store_purges",
	{
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		/** Name of the deleted plugin; it may be installed again meanwhile. */
		plugin: text().notNull(),
		/** Revision of the route table that does not have it any more. */
		revision: bigint({ mode: "number" }).notNull(),
		requestedAt: timestamp("requested_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [primaryKey({ columns: [table.tenant, table.plugin] })],
);
