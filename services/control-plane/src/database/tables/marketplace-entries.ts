// What the newest index of each source offers, a row for each version, so that lists are filtered and paged by the database and no
// index of many megabytes is read for one answer.
import type { IndexEntry } from "@hookbus/schemas";
import { boolean, index, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { marketplaceSources } from "./marketplace-sources.js";

export const marketplaceEntries = pgTable(
	"marketplace_entries",
	{
		source: uuid()
			.notNull()
			.references(() => marketplaceSources.id, { onDelete: "cascade" }),
		name: text().notNull(),
		version: text().notNull(),
		/** The newest version of the plugin in this source. */
		newest: boolean().notNull(),
		category: text(),
		/** Name, description, author, category and tags in lower case, for searching. */
		words: text().notNull(),
		entry: jsonb().$type<IndexEntry>().notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.source, table.name, table.version] }),
		index("marketplace_entries_newest").on(table.name, table.source, table.newest),
	],
);
