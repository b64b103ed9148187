// Installed plugins: what a tenant knows by name. `version` names the row of plugin_versions that runs when it is enabled.
import type { PluginLimits } from "@hookbus/schemas";
import { boolean, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const plugins = pgTable(
	"plugins",
	{
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		name: text().notNull(),
		version: text().notNull(),
		enabled: boolean().notNull().default(false),
		/** What an admin set over the manifest's limits; null: nothing. */
		limits: jsonb().$type<PluginLimits>(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [primaryKey({ columns: [table.tenant, table.name] })],
);
