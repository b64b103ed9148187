// ETag and If-Match. Who reads a plugin, a configuration or bindings gets a tag of what is stored; who sends it back with a change
// is told with 412 when it has changed since. The tag is compared inside of the transaction of the change, with the tenant locked,
// so of two changes that were made from the same state only one is made.
import { eq, sql } from "drizzle-orm";
import type { Database, Queries } from "../database/database.js";
import { tenants } from "../database/tables/tenants.js";
import { errors } from "../errors.js";
import type { App } from "./app.js";
import { callerOf } from "./authentication.js";

type Subject = "plugin" | "config" | "bindings";

/** The rows that a tag is made of: those of the tenant whose column is what the path names. */
const TABLES: Readonly<Record<Subject, readonly (readonly [table: string, column: string])[]>> = {
	plugin: [
		["plugins", "name"],
		["plugin_grants", "plugin"],
		["bindings", "plugin"],
	],
	config: [["plugin_configs", "plugin"]],
	bindings: [["bindings", "assistant"]],
};

/** What the routes below a path are about. The longest prefix counts. */
const SUBJECTS: readonly (readonly [prefix: string, subject: Subject])[] = [
	["/api/v1/plugins/:name/config", "config"],
	["/api/v1/plugins/:name", "plugin"],
	["/api/v1/assistants/:id/plugins", "bindings"],
];

/** Must be added after the authentication and before the routes. */
export function addEntityTags(app: App, database: Database): void {
	app.addHook("preHandler", async (request, reply) => {
		const path = request.routeOptions.url ?? "";
		const subject = SUBJECTS.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1];
		if (subject === undefined || request.caller === null) return;
		const { tenant } = callerOf(request);
		const { name, id } = request.params as { name?: string; id?: string };
		const tag = (queries: Queries) => tagOf(queries, subject, tenant, name ?? id ?? "");
		if (request.method === "GET") {
			// Before the body is read: a tag that is older than its body leads to a 412, a newer one to a lost update.
			reply.header("etag", await database.query(tag));
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

async function tagOf(queries: Queries, subject: Subject, tenant: string, named: string): Promise<string> {
	// A secret that is set anew changes the time of its row; one that is sealed anew is the same.
	const row = sql`(to_jsonb(t) - 'secrets')::text`;
	const parts = TABLES[subject].map(
		([table, column]) => sql`(
			SELECT coalesce(string_agg(${row}, chr(10) ORDER BY ${row}), '') FROM ${sql.identifier(table)} t
			WHERE t.tenant = ${tenant} AND coalesce(t.${sql.identifier(column)}, '*') = ${named})`,
	);
	const [found] = await queries
		.select({ tag: sql<string>`md5(concat_ws(chr(10), ${sql.join(parts, sql`, `)}))` })
		.from(tenants)
		.where(eq(tenants.id, tenant));
	return `"${found?.tag}"`;
}
