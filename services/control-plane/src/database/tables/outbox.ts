// Outbox: what was committed and has to reach the bus. The compiled table is written in the same transaction as the change,
// so a crash between commit and publish loses nothing. The newest row of each tenant stays, as what the bus should hold.
// A large table stands there packed, see stored-table.ts.
import type { HookPolicy, PackedTable, RouteTable } from "@hookbus/schemas";
import { sql } from "drizzle-orm";
import { bigint, index, jsonb, pgTable, text, timestamp, unique } from "drizzle-orm/pg-core";
import type { TableContents } from "../../routing/stored-table.js";
import { bytes } from "./bytes.js";
import { tenants } from "./tenants.js";

export const outbox = pgTable(
	"outbox",
	{
		id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
		tenant: text()
			.notNull()
			.references(() => tenants.id),
		revision: bigint({ mode: "number" }).notNull(),
		/** null: the table is packed. */
		table: jsonb("route_table").$type<RouteTable>(),
		packedEntry: jsonb("packed_entry").$type<PackedTable>(),
		packedContent: bytes("packed_content"),
		packedContents: jsonb("packed_contents").$type<TableContents>(),
		policy: jsonb("hook_policy").$type<HookPolicy>().notNull(),
		createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
		/** A relay works on it until then; another one may take it afterwards. */
		claimedUntil: timestamp("claimed_until", { withTimezone: true }),
		sentAt: timestamp("sent_at", { withTimezone: true }),
	},
	(table) => [
		unique("outbox_revision").on(table.tenant, table.revision),
		index("outbox_unsent").on(table.id).where(sql`sent_at IS NULL`),
	],
);
