// Who changed what, and when. Append-only: a trigger in the migrations refuses updates and deletes. Nothing references the
// things it names, because it must outlive them.
import { bigint, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const auditLog = pgTable(
	"audit_log",
	{
		id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
		tenant: text().notNull(),
		at: timestamp({ withTimezone: true }).notNull().defaultNow(),
		/** Name and id of the API key, or `system`. */
		actor: text().notNull(),
		/** Such as `plugin.install`. */
		action: text().notNull(),
		/** Name of the plugin, id of the key: what was changed. */
		target: text().notNull(),
		/** What was asked for; never a secret. */
		detail: jsonb().$type<Record<string, unknown>>().notNull(),
		/** Revision that the change made; null when it made none. */
		revision: bigint({ mode: "number" }),
		/** Id of the HTTP request. */
		request: text(),
	},
	(table) => [index("audit_log_tenant").on(table.tenant, table.id)],
);
