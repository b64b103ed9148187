// Executions counted up by minute, hour and day, so that figures over a month read a few hundred rows and not a million. They
// are written in the transaction that stores the executions and say the same as those do.
import type { FigureUnit } from "@hookbus/schemas";
import { bigint, doublePrecision, index, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

const count = (name: string) => bigint(name, { mode: "number" }).notNull();

export const executionFigures = pgTable(
	"execution_figures",
	{
		tenant: text().notNull(),
		unit: text().$type<FigureUnit>().notNull(),
		/** Empty: all assistants together. */
		assistant: text().notNull(),
		/** Empty: all plugins together. */
		plugin: text().notNull(),
		start: timestamp({ withTimezone: true }).notNull(),
		calls: count("calls"),
		ok: count("ok"),
		failed: count("failed"),
		configuration: count("configuration"),
		timeout: count("timeout"),
		denied: count("denied"),
		refused: count("refused"),
		cost: doublePrecision().notNull(),
		inputTokens: count("input_tokens"),
		outputTokens: count("output_tokens"),
		totalMs: doublePrecision("total_ms").notNull(),
		/** Class of a latency (see latency-classes.ts) → calls. */
		latencies: jsonb().$type<Record<string, number>>().notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.unit, table.assistant, table.plugin, table.start] }),
		index("execution_figures_start").on(table.unit, table.start),
	],
);
