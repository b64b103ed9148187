// Data keys of tenants, wrapped with the master key. A tenant has one that seals, and for a while those before it, which open what is
// not sealed anew yet. They go with their tenant: without them nothing of it can be opened any more.
import type { SealedSecret } from "@hookbus/schemas";
import { sql } from "drizzle-orm";
import { jsonb, pgTable, primaryKey, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { tenants } from "./tenants.js";

export type DataKeyState = "current" | "retired";

export const tenantKeys = pgTable(
	"tenant_keys",
	{
		tenant: text()
			.notNull()
			.references(() => tenants.id, { onDelete: "cascade" }),
		id: text().notNull(),
		wrapped: jsonb().$type<SealedSecret>().notNull(),
		state: text().$type<DataKeyState>().notNull().default("current"),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
	},
	(table) => [
		primaryKey({ columns: [table.tenant, table.id] }),
		uniqueIndex("tenant_keys_one_current").on(table.tenant).where(sql`state = 'current'`),
	],
);
