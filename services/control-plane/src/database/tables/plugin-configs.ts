// A plugin's global configuration: what an admin set, without defaults. Secrets stand apart and only sealed.
import type { SealedSecret } from "@hookbus/schemas";
import { foreignKey, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const pluginConfigs = pgTable(
	"plugin_configs",
	{
		tenant: text().notNull(),
		plugin: text().notNull(),
		config: jsonb().$type<Record<string, unknown>>().notNull(),
		secrets: jsonb().$type<Record<string, SealedSecret>>().notNull(),
		updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.plugin] }),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
