// Marketplaces that a tenant takes plugins from, each with the key that its index must be signed with and what is known of its
// newest index. The number stays when the index goes away: an older one is refused for ever.
import { bigint, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const marketplaceSources = pgTable(
	"marketplace_sources",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		name: text().notNull(),
		url: text().notNull(),
		/** Ed25519, base64 of 32 bytes. */
		publicKey: text("public_key").notNull(),
		addedAt: timestamp("added_at", { withTimezone: true }).notNull().defaultNow(),
		addedBy: text("added_by").notNull(),
		title: text().notNull(),
		/** Of the newest index that was taken. */
		number: bigint({ mode: "number" }).notNull(),
		/** SHA-256 of its canonical JSON: two indexes of one number must be the same. */
		digest: text().notNull(),
		issuedAt: timestamp("issued_at", { withTimezone: true }).notNull(),
		expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
		fetchedAt: timestamp("fetched_at", { withTimezone: true }).notNull().defaultNow(),
		/** Why the last attempt failed; null: it did not. */
		lastError: text("last_error"),
	},
	(table) => [unique("marketplace_sources_name").on(table.tenant, table.name)],
);
