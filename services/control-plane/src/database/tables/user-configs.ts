// What a user has of a plugin's configuration as their own: laid over everybody's for that user's events. Secrets stand apart and only
// sealed, for that user. The rows go with their plugin, and with their user in one call.
import type { SealedSecret } from "@hookbus/schemas";
import { foreignKey, index, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const userConfigs = pgTable(
	"user_configs",
	{
		tenant: text().notNull(),
		plugin: text().notNull(),
		/** Id of the user as events carry it. */
		user: text().notNull(),
		config: jsonb().$type<Record<string, unknown>>().notNull(),
		secrets: jsonb().$type<Record<string, SealedSecret>>().notNull(),
		/** Name of the API key. */
		by: text().notNull(),
		updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.plugin, table.user] }),
		index("user_configs_user").on(table.tenant, table.user),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
