// ETag and If-Match. Who reads a plugin, a configuration, bindings or what a tenant trusts gets a tag of what is stored; who sends it
// back with a change is told with 412 when it has changed since. The tag is compared inside of the transaction of the change, with the tenant locked,
// so of two changes that were made from the same state only one is made.
import type { ConfigQuery } from "@hookbus/schemas";
import { eq, sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.js";
import { tenants } from "../database/tables/tenants.js";
import { errors } from "../errors.js";
import type { App } from "./app.js";
import { callerOf } from "./authentication.js";

type Subject =
	| "plugin"
	| "config"
	| "bindings"
	| "userConfigs"
	| "userConfig"
	| "bindingConfig"
	| "publishers"
	| "policy"
	| "sources"
	| "recalls";

/** Rows that a tag is made of: those of the tenant, in full, unless something else is said. */
interface Tagged {
	readonly table: string;
	/** Only those where this column is what the path names. */
	readonly column?: string;
	/** Only these columns; what the service itself keeps up to date is nobody's change. */
	readonly shown?: readonly string[];
	/** Those of other tenants that count everywhere, too. */
	readonly everywhere?: boolean;
}

const TABLES: Readonly<Record<Subject, readonly Tagged[]>> = {
	plugin: [
		{ table: "plugins", column: "name" },
		{ table: "plugin_grants", column: "plugin" },
		{ table: "bindings", column: "plugin" },
	],
	config: [{ table: "plugin_configs", column: "plugin" }],
	userConfigs: [{ table: "user_configs", column: "plugin" }],
	userConfig: [{ table: "user_configs", column: "plugin" }],
	bindingConfig: [{ table: "bindings", column: "plugin" }],
	bindings: [{ table: "bindings", column: "assistant" }],
	publishers: [{ table: "trusted_publishers" }],
	policy: [{ table: "trust_policies" }],
	sources: [{ table: "marketplace_sources", shown: ["id", "name", "url", "public_key"] }],
	recalls: [{ table: "recalls", everywhere: true }],
};

/** The column that, besides, is what the query names. */
const SCOPES: Partial<Readonly<Record<Subject, string>>> = { userConfig: "user", bindingConfig: "assistant" };

/** What the routes below a path are about. The longest prefix counts. */
const SUBJECTS: readonly (readonly [prefix: string, subject: Subject])[] = [
	["/api/v1/plugins/:name/config/users", "userConfigs"],
	["/api/v1/plugins/:name/config", "config"],
	["/api/v1/plugins/:name", "plugin"],
	["/api/v1/assistants/:id/plugins", "bindings"],
	["/api/v1/trusted-publishers", "publishers"],
	["/api/v1/trust-policy", "policy"],
	["/api/v1/marketplace/sources", "sources"],
	["/api/v1/recalls", "recalls"],
];

/** Must be added after the authentication and before the routes. */
export function addEntityTags(app: App, database: Database): void {
	app.addHook("preHandler", async (request, reply) => {
		const path = request.routeOptions.url ?? "";
		const found = SUBJECTS.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1];
		const { subject, scope } = inScope(found, request.query as ConfigQuery);
		if (subject === undefined || request.caller === null) return;
		const { tenant } = callerOf(request);
		const { name, id } = request.params as { name?: string; id?: string };
		const tag = (queries: Queries) => tagOf(queries, subject, tenant, name ?? id ?? "", scope);
		if (request.method === "GET") {
			// Before the body is read: a tag that is older than its body leads to a 412, a newer one to a lost update.
			reply.header("etag", await database.of(tenant).query(tag));
			return;
		}
		const wanted = request.headers["if-match"];
		if (wanted === undefined || wanted.trim() === "*") return;
		const tags = wanted.split(",").map((each) => each.trim());
		request.caller = {
			...request.caller,
			async precondition(queries) {
				if (tags.includes(await tag(queries))) return;
				throw errors.precondition_failed(
					`this has changed since ${wanted.slice(0, 200)} was read; read it again, and decide anew`,
				);
			},
		};
	});
}

/** A configuration is tagged as the query's scope has it: what others change in theirs is no conflict. */
function inScope(
	subject: Subject | undefined,
	{ user, assistant }: ConfigQuery,
): { subject: Subject | undefined; scope?: string } {
	if (subject !== "config") return { subject };
	if (user !== undefined) return { subject: "userConfig", scope: user };
	return assistant === undefined ? { subject } : { subject: "bindingConfig", scope: assistant };
}

async function tagOf(
	queries: Queries,
	subject: Subject,
	tenant: string,
	named: string,
	scope: string | undefined,
): Promise<string> {
	const scoped = SCOPES[subject];
	const ofScope = scoped === undefined ? sql`` : sql`AND coalesce(t.${sql.identifier(scoped)}, '*') = ${scope}`;
	const parts = TABLES[subject].map(({ table, column, shown, everywhere }) => {
		const columns = shown?.map((name) => sql`t.${sql.identifier(name)}`);
		// A secret that is set anew changes the time of its row; one that is sealed anew is the same.
		const row = columns === undefined ? sql`(to_jsonb(t) - 'secrets')::text` : sql`ROW(${sql.join(columns, sql`, `)})::text`;
		const ofTenant = everywhere === true ? sql`(t.tenant = ${tenant} OR t.everywhere)` : sql`t.tenant = ${tenant}`;
		const ofNamed = column === undefined ? sql`` : sql`AND coalesce(t.${sql.identifier(column)}, '*') = ${named}`;
		return sql`(
			SELECT coalesce(string_agg(${row}, chr(10) ORDER BY ${row}), '') FROM ${sql.identifier(table)} t
			WHERE ${ofTenant} ${ofNamed} ${ofScope})`;
	});
	const [row] = await queries
		.select({ tag: sql<string>`md5(concat_ws(chr(10), ${sql.join(parts, sql`, `)}))` })
		.from(tenants)
		.where(eq(tenants.id, tenant));
	return `"${row?.tag}"`;
}
