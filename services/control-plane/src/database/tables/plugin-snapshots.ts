// What a plugin ran with, revision by revision: its version, configuration, grants and limits as one change left them. A rollback
// goes back to one of these rows; a trigger in the migrations keeps what they say. They go with their plugin.
import type { NetworkRule, Permission, PluginLimits, SealedSecret } from "@hookbus/schemas";
import { bigint, boolean, foreignKey, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { plugins } from "./plugins.js";

export const pluginSnapshots = pgTable(
	"plugin_snapshots",
	{
		tenant: text().notNull(),
		plugin: text().notNull(),
		/** Revision of the route table since which it was so. */
		revision: bigint({ mode: "number" }).notNull(),
		version: text().notNull(),
		/** Whether it could run then. */
		enabled: boolean().notNull(),
		config: jsonb().$type<Record<string, unknown>>().notNull(),
		/** Sealed as they were. The only column that may change: a new master key seals them anew. */
		secrets: jsonb().$type<Record<string, SealedSecret>>().notNull(),
		grants: jsonb().$type<Permission[]>().notNull(),
		network: jsonb().$type<NetworkRule[]>().notNull(),
		/** What an admin had set over the manifest's; null: nothing. */
		limits: jsonb().$type<PluginLimits>(),
		/** Revision of the snapshot that a rollback brought back; null: it was made by another change. */
		restored: bigint({ mode: "number" }),
		/** Name of the API key, or `system`. */
		by: text().notNull(),
		at: timestamp({ withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.plugin, table.revision] }),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
	],
);
