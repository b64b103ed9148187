// Publishers whose signatures count in a tenant. Only an admin adds one: a key that a package brings along proves nothing.
import { pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const trustedPublishers = pgTable(
	"trusted_publishers",
	{
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		/** SHA-256 of the public key, hex. */
		keyId: text("key_id").notNull(),
		/** Ed25519, base64 of 32 bytes. */
		publicKey: text("public_key").notNull(),
		name: text().notNull(),
		addedAt: timestamp("added_at", { withTimezone: true }).notNull().defaultNow(),
		addedBy: text("added_by").notNull(),
	},
	(table) => [primaryKey({ columns: [table.tenant, table.keyId] })],
);
