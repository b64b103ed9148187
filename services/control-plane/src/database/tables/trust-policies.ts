// What a tenant demands of packages. A tenant without a row demands nothing, as it begins.
import { boolean, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export const trustPolicies = pgTable("trust_policies", {
	tenant: text()
		.primaryKey()
		.references(() => tenants.id),
	requireSignature: boolean("require_signature").notNull().default(false),
	changedAt: timestamp("changed_at", { withTimezone: true }).notNull().defaultNow(),
	changedBy: text("changed_by").notNull(),
});
