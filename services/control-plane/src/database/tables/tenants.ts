// Tenants and the number of their newest route table. Every change of a tenant locks its row, so that revisions follow the
// order in which changes are committed; without that lock two changes could publish the same number.
import { bigint, pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const tenants = pgTable("tenants", {
	id: text().primaryKey(),
	revision: bigint({ mode: "number" }).notNull().default(0),
	createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});
