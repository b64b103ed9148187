// Versions of plugins, each immutable: manifest, README and the module's bytes. The bytes here are the only truth; the
// object store on the bus is a copy that can be lost and is filled again from here.
import type { Manifest, PackageSignature, VersionOrigin } from "@hookbus/schemas";
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { bytes } from "./bytes.js";
import { plugins } from "./plugins.js";

export const pluginVersions = pgTable(
	"plugin_versions",
	{
		tenant: text().notNull(),
		plugin: text().notNull(),
		version: text().notNull(),
		/** SHA-256 of the module, hex. */
		digest: text().notNull(),
		size: integer().notNull(),
		manifest: jsonb().$type<Manifest>().notNull(),
		readme: text(),
		module: bytes().notNull(),
		/** As it stood in the package, verified when it came; null: the package had none. */
		signature: jsonb().$type<PackageSignature>(),
		/** The marketplace that it came from; null: somebody sent it. */
		origin: jsonb().$type<VersionOrigin>(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		createdBy: text("created_by").notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.plugin, table.version] }),
		foreignKey({ columns: [table.tenant, table.plugin], foreignColumns: [plugins.tenant, plugins.name] }).onDelete("cascade"),
		index("plugin_versions_digest").on(table.digest),
	],
);
