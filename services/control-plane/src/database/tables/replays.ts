// Replays of recorded events, and what came of each event. They go with their recording: the results hold text of its events.
import type { HookName, ReplayComparison, ReplayState, ReplayVerdict } from "@hookbus/schemas";
import {
	doublePrecision,
	foreignKey,
	index,
	integer,
	jsonb,
	pgTable,
	primaryKey,
	text,
	timestamp,
	uuid,
} from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";
import { recordings } from "./recordings.js";

export const replays = pgTable(
	"replays",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text().notNull(),
		plugin: text().notNull(),
		recording: uuid()
			.notNull()
			.references(() => recordings.id, { onDelete: "cascade" }),
		version: text().notNull(),
		/** Version that it is compared with. */
		against: text().notNull(),
		state: text().$type<ReplayState>().notNull(),
		/** Events of the recording. */
		total: integer().notNull(),
		done: integer().notNull().default(0),
		error: text(),
		startedAt: timestamp("started_at", { withTimezone: true }).notNull().defaultNow(),
		startedBy: text("started_by").notNull(),
		/** When the control plane that works on it last said so. */
		seenAt: timestamp("seen_at", { withTimezone: true }).notNull().defaultNow(),
		endedAt: timestamp("ended_at", { withTimezone: true }),
	},
	(table) => [
		index("replays_plugin").on(table.tenant, table.plugin, table.startedAt),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);

export const replayResults = pgTable(
	"replay_results",
	{
		replay: uuid()
			.notNull()
			.references(() => replays.id, { onDelete: "cascade" }),
		/** Of the event in its recording, from 1. */
		place: integer().notNull(),
		eventId: text("event_id"),
		hook: text().$type<HookName>(),
		assistant: text(),
		result: text().$type<ReplayVerdict>().notNull(),
		comparison: jsonb().$type<ReplayComparison>(),
		detail: text(),
		/** What sums and times are made of; null: the side did not run. */
		versionOk: integer("version_ok"),
		againstOk: integer("against_ok"),
		versionMs: doublePrecision("version_ms"),
		againstMs: doublePrecision("against_ms"),
	},
	(table) => [primaryKey({ columns: [table.replay, table.place] })],
);
