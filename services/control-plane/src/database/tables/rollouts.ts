// Rollouts: another version of a plugin beside the current one. A plugin has one that runs at most; what they came to stays.
import type { RolloutArms, RolloutMode, RolloutState } from "@hookbus/schemas";
import { sql } from "drizzle-orm";
import {
	bigint,
	doublePrecision,
	foreignKey,
	index,
	integer,
	jsonb,
	pgTable,
	text,
	timestamp,
	uniqueIndex,
	uuid,
} from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const rollouts = pgTable(
	"rollouts",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text().notNull(),
		plugin: text().notNull(),
		/** The candidate. */
		version: text().notNull(),
		/** The current version when it began. */
		fromVersion: text("from_version").notNull(),
		mode: text().$type<RolloutMode>().notNull(),
		percentage: doublePrecision().notNull(),
		/** Limits of the candidate; null: none. */
		maxErrorRate: doublePrecision("max_error_rate"),
		maxP95Ms: doublePrecision("max_p95_ms"),
		minEvents: integer("min_events").notNull(),
		state: text().$type<RolloutState>().notNull(),
		/** Revision of the route table with which it began. */
		revision: bigint({ mode: "number" }).notNull(),
		/** Newest execution of the tenant when it began: older ones are not its own. */
		afterExecution: bigint("after_execution", { mode: "number" }).notNull(),
		startedAt: timestamp("started_at", { withTimezone: true }).notNull().defaultNow(),
		startedBy: text("started_by").notNull(),
		endedAt: timestamp("ended_at", { withTimezone: true }),
		endedBy: text("ended_by"),
		reason: text(),
		/** What both versions did, when it ended; the executions themselves go one day. */
		arms: jsonb().$type<RolloutArms>(),
	},
	(table) => [
		uniqueIndex("rollouts_one_runs").on(table.tenant, table.plugin).where(sql`state = 'running'`),
		index("rollouts_plugin").on(table.tenant, table.plugin, table.startedAt),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
