// Executions: one row for each run of a plugin for an event. They outlive the plugin, so nothing references it.
import type { Arm, BindingMode, Effect, HookName, Outcome, PluginAction, PluginLogLine, Usage } from "@hookbus/schemas";
import { sql } from "drizzle-orm";
import { bigint, boolean, doublePrecision, index, integer, jsonb, pgTable, text, timestamp, unique } from "drizzle-orm/pg-core";

export const executions = pgTable(
	"executions",
	{
		/** Grows with arrival; pages are cut by it. */
		id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
		tenant: text().notNull(),
		eventId: text("event_id").notNull(),
		hook: text().$type<HookName>().notNull(),
		/** Empty for hooks without phases, so that the unique key covers them. */
		phase: text().notNull(),
		plugin: text().notNull(),
		version: text().notNull(),
		digest: text().notNull(),
		assistant: text().notNull(),
		conversation: text(),
		user: text(),
		effect: text().$type<Effect>().notNull(),
		mode: text().$type<BindingMode>().notNull(),
		/** `candidate` of a rollout; empty for the current version, so that the unique key covers it. */
		arm: text().$type<Arm | "">().notNull().default(""),
		outcome: text().$type<Outcome>().notNull(),
		action: text().$type<PluginAction>(),
		reason: text(),
		error: text(),
		skipped: boolean(),
		paths: jsonb().$type<string[]>(),
		stripped: jsonb().$type<string[]>(),
		startedAt: timestamp("started_at", { withTimezone: true }).notNull(),
		durationMs: doublePrecision("duration_ms").notNull(),
		inputBytes: integer("input_bytes").notNull(),
		outputBytes: integer("output_bytes").notNull(),
		attempt: integer().notNull(),
		usage: jsonb().$type<Usage>(),
		logs: jsonb().$type<PluginLogLine[]>(),
		logsDropped: integer("logs_dropped"),
		/** Text of a conversation; only where the binding has recordPatches. */
		patch: jsonb().$type<Record<string, unknown>>(),
		patchOmitted: jsonb("patch_omitted").$type<{ bytes: number }>(),
		runtime: text().notNull(),
		revision: bigint({ mode: "number" }).notNull(),
	},
	(table) => [
		unique("executions_once").on(table.tenant, table.eventId, table.hook, table.phase, table.plugin, table.arm),
		index("executions_page").on(table.tenant, table.id),
		index("executions_plugin").on(table.tenant, table.plugin, table.id),
		index("executions_conversation").on(table.tenant, table.conversation, table.id),
		index("executions_started").on(table.startedAt),
		index("executions_assistant").on(table.tenant, table.assistant, table.id),
		index("executions_user").on(table.tenant, table.user, table.id),
		// With the id, so that a page of an old day is found without reading the rows of the whole day.
		index("executions_by_time").on(table.tenant, table.startedAt, table.id),
		// What is asked for may not be there at all; without an index of it, all executions would be read to find that out.
		index("executions_hook").on(table.tenant, table.hook, table.id),
		index("executions_version").on(table.tenant, table.version, table.id),
		// Errors are few: without their own index a page of them would be looked for among all that went well.
		index("executions_errors").on(table.tenant, table.id).where(sql`outcome <> 'ok'`),
		index("executions_outcome").on(table.tenant, table.outcome, table.id).where(sql`outcome <> 'ok'`),
	],
);
