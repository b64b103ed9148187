// API keys: only the SHA-256 of a key is kept, so a copy of the database opens nothing.
import type { ApiRole } from "@hookbus/schemas";
import { index, pgTable, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const apiKeys = pgTable(
	"api_keys",
	{
		id: uuid().primaryKey().defaultRandom(),
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		name: text().notNull(),
		role: text().$type<ApiRole>().notNull(),
		/** First characters of the key, shown in lists. */
		prefix: text().notNull(),
		/** SHA-256 of the whole key, hex. */
		hash: text().notNull().unique(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		/** null: it does not expire. */
		expiresAt: timestamp("expires_at", { withTimezone: true }),
		revokedAt: timestamp("revoked_at", { withTimezone: true }),
	},
	(table) => [index("api_keys_tenant").on(table.tenant)],
);
