// Users who opted in to a binding that runs only for those. They go with their binding.
import { pgTable, primaryKey, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { bindings } from "./bindings.js";

export const bindingOptIns = pgTable(
	"binding_opt_ins",
	{
		binding: uuid()
			.notNull()
			.references(() => bindings.id, { onDelete: "cascade" }),
		/** Id of the user as events carry it. */
		user: text().notNull(),
		/** Name of the API key. */
		by: text().notNull(),
		at: timestamp({ withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [primaryKey({ columns: [table.binding, table.user] })],
);
