// Recalls: versions that must not run any more. A lifted one stays as a row, so that whoever sends the same recall again later
// does not undo what an admin decided, and nobody can pretend that there was none.
import { boolean, index, pgTable, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const recalls = pgTable(
	"recalls",
	{
		id: uuid().primaryKey().defaultRandom(),
		/** Whose admin declared it. */
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		/** True: it counts in every tenant. */
		everywhere: boolean().notNull().default(false),
		/** SHA-256 of the module, hex; or else plugin and versions. */
		digest: text(),
		plugin: text(),
		/** Semver range; null with a digest. */
		versions: text(),
		reason: text().notNull(),
		/** Key of the marketplace whose index declared it, SHA-256, hex; null: an admin did. */
		signer: text(),
		declaredAt: timestamp("declared_at", { withTimezone: true }).notNull().defaultNow(),
		declaredBy: text("declared_by").notNull(),
		liftedAt: timestamp("lifted_at", { withTimezone: true }),
		liftedBy: text("lifted_by"),
	},
	(table) => [
		index("recalls_tenant").on(table.tenant),
		index("recalls_digest").on(table.digest),
		// An index says the same recall each time; one that was lifted must not come back with the next.
		unique("recalls_once").on(table.tenant, table.signer, table.digest),
	],
);
