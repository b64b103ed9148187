// Installed plugins: what a tenant knows by name. `version` names the row of plugin_versions that runs when it is enabled.
import type { DisabledReason, PluginLimits } from "@hookbus/schemas";
import { bigint, boolean, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
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
		/**
		 * Revision of the route table since which it runs as it is: the last one that enabled it or changed its version,
		 * configuration, grants or limits. What runtimes say about it under an older one is about something else.
		 */
		changedRevision: bigint("changed_revision", { mode: "number" }),
		/** Why the service itself disabled it; null: it did not, or it was enabled since. */
		disabledReason: jsonb("disabled_reason").$type<DisabledReason>(),
		/** Id of the key that signed its first signed package; only packages of that publisher are taken. null: none was signed yet. */
		publisher: text(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		updatedAt: timestamp("updated_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [primaryKey({ columns: [table.tenant, table.name] })],
);
