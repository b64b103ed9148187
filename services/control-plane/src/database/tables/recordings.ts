// Recordings: which events are copied, and for how long. The events themselves are on the bus only.
import type { HookName, RecordingEndReason } from "@hookbus/schemas";
import { doublePrecision, index, integer, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const recordings = pgTable(
	"recordings",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text()
			.notNull()
			.references(() => tenants.id, { onDelete: "cascade" }),
		/** null: of every hook. */
		hook: text().$type<HookName>(),
		/** null: of every assistant. */
		assistant: text(),
		/** Share of conversations, 0 to 100. */
		percentage: doublePrecision().notNull(),
		maxEvents: integer("max_events").notNull(),
		until: timestamp({ withTimezone: true }).notNull(),
		startedAt: timestamp("started_at", { withTimezone: true }).notNull().defaultNow(),
		startedBy: text("started_by").notNull(),
		/** null: it runs. */
		endedAt: timestamp("ended_at", { withTimezone: true }),
		endedBy: text("ended_by"),
		endReason: text("end_reason").$type<RecordingEndReason>(),
	},
	(table) => [index("recordings_tenant").on(table.tenant, table.startedAt)],
);
