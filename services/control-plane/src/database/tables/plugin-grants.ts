// Permissions that an admin gave to a plugin. A permission that is not here is not given, whatever the manifest asks for.
import type { NetworkRule, Permission } from "@hookbus/schemas";
import { foreignKey, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const pluginGrants = pgTable(
	"plugin_grants",
	{
		tenant: text().notNull(),
		plugin: text().notNull(),
		permission: text().$type<Permission>().notNull(),
		/** network_access: the rules that were granted; null with any other permission. */
		network: jsonb().$type<NetworkRule[]>(),
		grantedAt: timestamp("granted_at", { withTimezone: true }).notNull().defaultNow(),
		grantedBy: text("granted_by").notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.plugin, table.permission] }),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
