// Bindings: a plugin at an assistant, or, with assistant null, at the whole tenant. A setting that is null is inherited.
import type { BindingMode, FailurePolicy } from "@hookbus/schemas";
import {
	boolean,
	doublePrecision,
	foreignKey,
	index,
	integer,
	jsonb,
	pgTable,
	text,
	timestamp,
	unique,
	uuid,
} from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const bindings = pgTable(
	"bindings",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text().notNull(),
		plugin: text().notNull(),
		assistant: text(),
		enabled: boolean().notNull().default(true),
		order: integer(),
		mode: text().$type<BindingMode>(),
		onError: text("on_error").$type<FailurePolicy>(),
		timeoutMs: integer("timeout_ms"),
		config: jsonb().$type<Record<string, unknown>>(),
		/** Share of conversations, 0 to 100; null: inherited, in the end all. */
		percentage: doublePrecision(),
		/** Runs only for users who opted in; null: inherited, in the end nobody has to. */
		optIn: boolean("opt_in"),
		/** Executions hold the patch; null: inherited, in the end they do not. */
		recordPatches: boolean("record_patches"),
		mandatory: boolean().notNull().default(false),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [
		unique("bindings_scope").on(table.tenant, table.plugin, table.assistant).nullsNotDistinct(),
		index("bindings_assistant").on(table.tenant, table.assistant),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
