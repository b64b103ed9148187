// Row security, the second line: whatever a query says, the database shows and changes the rows of one tenant only. The statements
// in here have no tenant predicate at all, which is what a forgotten one would come to.
import { sql } from "drizzle-orm";
import connect from "postgres";
import { beforeAll, describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { createDatabase } from "../support/create-database.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startPostgres } from "../support/start-postgres.js";
import { tempDir } from "../support/temp-dir.js";
import { EACH_DATABASE } from "./each-database.js";
import { type FilledTable, fillTables, tenantTables } from "./fill-tables.js";
import { rows } from "./stored-names.js";

const NO_NATS = "nats://127.0.0.1:9";
const ROWS = 3;

/** postgres.js answers with the rows, PGlite with an object that has them. */
function rowsOf(result: unknown): unknown {
	return Array.isArray(result) ? result : (result as { rows: unknown }).rows;
}

describe.each(EACH_DATABASE)("AU-03 on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let tables: readonly FilledTable[];

	/** Runs a statement for a tenant and returns its rows. */
	const asTenant = (tenant: string, statement: string, how: "query" | "transaction" = "transaction") => {
		const bound = control.plane.database.of(tenant);
		return rows({ ...control.plane.database, acrossTenants: { query: bound[how], transaction: bound.transaction } }, statement);
	};
	const count = async (table: string, where = "true") =>
		Number((await rows(control.plane.database, `SELECT count(*) AS n FROM "${table}" WHERE ${where}`))[0]?.["n"]);

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: await create() });
		for (const id of ["acme", "globex"]) expect((await control.admin.post("/api/v1/tenants", { id })).status).toBe(201);
		tables = await tenantTables(control.plane.database);
		for (const id of ["acme", "globex"]) await fillTables(control.plane.database, id, ROWS);
	});

	test("every table that belongs to tenants is found and holds rows of both", async () => {
		expect(tables.length).toBeGreaterThanOrEqual(19);
		for (const { name, belongsTo } of tables) {
			for (const id of ["acme", "globex"]) expect(await count(name, belongsTo(id)), `${name} of ${id}`).toBeGreaterThan(0);
		}
	});

	test("every table has a policy, or a tenant's transaction has no access to it at all", async () => {
		const found = await rows(
			control.plane.database,
			`SELECT c.relname AS name, c.relrowsecurity AS secured,
				(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)::int AS policies,
				has_table_privilege('hookbus_tenant', c.oid, 'SELECT') AS access,
				has_table_privilege('hookbus_tenant', c.oid, 'TRUNCATE') AS truncates
			FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace`,
		);
		const owned = new Set(tables.map(({ name }) => name));
		for (const { name, secured, policies, access, truncates } of found) {
			expect({ name, secured, access, truncates, hasPolicy: Number(policies) > 0 }).toEqual({
				name,
				secured: true,
				access: owned.has(String(name)),
				truncates: false,
				hasPolicy: owned.has(String(name)),
			});
		}
	});

	test("a query without a predicate shows the tenant's own rows and nobody else's", async () => {
		for (const { name, belongsTo } of tables) {
			const shown = await asTenant("globex", `SELECT count(*) AS n FROM "${name}"`, "query");
			expect({ name, n: Number(shown[0]?.["n"]) }).toEqual({ name, n: await count(name, belongsTo("globex")) });
			const foreign = await asTenant("globex", `SELECT 1 FROM "${name}" WHERE ${belongsTo("acme")}`);
			expect({ name, foreign: foreign.length }).toEqual({ name, foreign: 0 });
		}
	});

	test("a tenant that does not exist, or no name at all, is shown nothing", async () => {
		for (const tenant of ["nobody", "", "acme' OR 'a' = 'a", "acme\\", "*"]) {
			for (const { name } of tables) expect(await asTenant(tenant, `SELECT 1 FROM "${name}"`)).toEqual([]);
		}
	});

	test("an update or a delete without a predicate does not touch another tenant's rows", async () => {
		for (const { name, belongsTo, columns } of tables) {
			const foreign = `SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) AS all_rows, count(*) AS n FROM "${name}" t WHERE ${belongsTo("acme")}`;
			const before = await rows(control.plane.database, foreign);
			const [column = ""] = columns;
			for (const statement of [
				`UPDATE "${name}" SET "${column}" = "${column}"`,
				`UPDATE "${name}" SET "${column}" = "${column}" WHERE ${belongsTo("acme")}`,
				`DELETE FROM "${name}" WHERE ${belongsTo("acme")}`,
				`DELETE FROM "${name}"`,
			]) {
				// Some are refused altogether, by a grant, a trigger or a key; what counts is what is there afterwards.
				await asTenant("globex", `${statement} RETURNING 1`).catch(() => undefined);
				expect({ statement, rows: await rows(control.plane.database, foreign) }).toEqual({ statement, rows: before });
			}
			await expect(asTenant("globex", `TRUNCATE "${name}" CASCADE`)).rejects.toThrow();
		}
		await fillTables(control.plane.database, "globex", ROWS);
	});

	test("a row of another tenant can be neither inserted nor made of one's own", async () => {
		for (const { name, belongsTo, columns } of tables) {
			if (!columns.includes("tenant")) continue;
			const before = await count(name, belongsTo("acme"));
			await expect(asTenant("globex", `UPDATE "${name}" SET tenant = 'acme'`)).rejects.toThrow();
			const others = columns.filter((column) => column !== "tenant" && column !== "id").map((column) => `"${column}"`);
			const copied = `INSERT INTO "${name}" (tenant, ${others.join(", ")}) SELECT 'acme', ${others.join(", ")} FROM "${name}" LIMIT 1`;
			await expect(asTenant("globex", copied)).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|428C9)$/) });
			expect({ name, n: await count(name, belongsTo("acme")) }).toEqual({ name, n: before });
		}
	});

	test("rows that belong to a row of another tenant are out of reach as well", async () => {
		const [binding] = await rows(control.plane.database, "SELECT id FROM bindings WHERE tenant = 'acme' LIMIT 1");
		const optIn = `INSERT INTO binding_opt_ins (binding, "user", by) VALUES ('${String(binding?.["id"])}', 'u', 'x')`;
		await expect(asTenant("globex", optIn)).rejects.toMatchObject({ code: "42501" });
		const [source] = await rows(control.plane.database, "SELECT id FROM marketplace_sources WHERE tenant = 'acme' LIMIT 1");
		const entry = `INSERT INTO marketplace_entries VALUES ('${String(source?.["id"])}', 'n', '1.0.0', true, null, '', '{}')`;
		await expect(asTenant("globex", entry)).rejects.toMatchObject({ code: "42501" });
	});

	test("a recall that counts everywhere is shown to all and changed by its own tenant only", async () => {
		await rows(
			control.plane.database,
			"UPDATE recalls SET everywhere = true WHERE id = (SELECT min(id::text)::uuid FROM recalls WHERE tenant = 'acme')",
		);
		expect(await asTenant("globex", "SELECT 1 FROM recalls WHERE tenant = 'acme'")).toHaveLength(1);
		expect(await asTenant("globex", "UPDATE recalls SET reason = 'x' WHERE tenant = 'acme' RETURNING 1")).toEqual([]);
		expect(await asTenant("globex", "DELETE FROM recalls WHERE tenant = 'acme' RETURNING 1")).toEqual([]);
	});

	test("role and tenant end with the transaction, also one that fails", async () => {
		const { database } = control.plane;
		for (let round = 0; round < 5; round += 1) {
			await Promise.allSettled(
				Array.from({ length: 20 }, (_, index) =>
					asTenant(index % 2 === 0 ? "acme" : "globex", index % 3 === 0 ? "SELECT 1/0" : "SELECT 1"),
				),
			);
			const [who] = await rows(
				database,
				"SELECT current_user <> 'hookbus_tenant' AS own, coalesce(current_setting('hookbus.tenant', true), '') AS tenant",
			);
			expect(who).toEqual({ own: true, tenant: "" });
		}
	});

	test("transactions of different tenants at the same time see their own rows, each of them", async () => {
		const all = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? "acme" : "globex"));
		const seen = await Promise.all(
			all.map((tenant) =>
				control.plane.database.of(tenant).query(async (queries) => {
					const first = await queries.execute(sql.raw("SELECT DISTINCT tenant FROM plugins"));
					const second = await queries.execute(sql.raw("SELECT DISTINCT tenant FROM executions"));
					return JSON.stringify([first, second].map(rowsOf));
				}),
			),
		);
		expect(seen).toEqual(all.map((tenant) => JSON.stringify([[{ tenant }], [{ tenant }]])));
	});

	test("what only reads can change nothing", async () => {
		await expect(asTenant("globex", "DELETE FROM bindings", "query")).rejects.toMatchObject({
			code: "database_unavailable",
			message: expect.stringContaining("25006"),
		});
	});
});

describe("AU-03 the role of tenants on PostgreSQL", () => {
	/** A database of a server of its own, whose owner is a user with these rights only, as on a managed server. */
	async function ownedBy(user: string, rights: string): Promise<{ url: string; admin: connect.Sql }> {
		const url = new URL(await (await startPostgres()).createDatabase());
		const admin = connect(url.href, { max: 1, onnotice: () => undefined });
		closeAfter(() => admin.end());
		await admin.unsafe(`CREATE ROLE ${user} LOGIN ${rights}`);
		await admin.unsafe(`ALTER SCHEMA public OWNER TO ${user}; GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${user}`);
		url.username = user;
		return { url: url.href, admin };
	}

	test("a user that is no superuser and may make roles needs nothing else, and its rows are secured all the same", async () => {
		const { url } = await ownedBy("maker", "CREATEROLE");
		const { plane, admin } = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: url });
		expect((await admin.post("/api/v1/tenants", { id: "acme" })).status).toBe(201);
		expect((await admin.get("/api/v1/plugins")).status).toBe(200);
		const seen = await plane.database.of("acme").query((queries) => queries.execute(sql.raw("SELECT id FROM tenants")));
		expect(JSON.parse(JSON.stringify(seen))).toEqual([{ id: "acme" }]);
	});

	test("a user that may not is refused at the start with the one statement to run; after it the start works", async () => {
		const { url, admin } = await ownedBy("plain", "");
		const dataDir = tempDir("plain");
		const start = () => startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: url, dataDir });
		const refusal = async () => {
			const thrown = await start().catch((refused: unknown) => refused);
			expect(thrown).toMatchObject({ code: "database_role_missing" });
			return /let an administrator of the database run: (.*)$/.exec((thrown as Error).message)?.[1];
		};
		expect(await refusal()).toBe("CREATE ROLE hookbus_tenant NOLOGIN ROLE plain");
		// Another database of the server may have made the role.
		await admin.unsafe("CREATE ROLE hookbus_tenant BYPASSRLS");
		expect(await refusal()).toBe("ALTER ROLE hookbus_tenant NOSUPERUSER NOBYPASSRLS");
		await admin.unsafe("ALTER ROLE hookbus_tenant NOSUPERUSER NOBYPASSRLS");
		const statement = await refusal();
		expect(statement).toBe("GRANT hookbus_tenant TO plain");
		await admin.unsafe(statement ?? "");
		expect((await (await start()).admin.get("/api/v1/plugins")).status).toBe(200);
	});

	test("a table that comes without a policy, and a policy that somebody removed, are secured at the next start", async () => {
		const databaseUrl = await createDatabase();
		const first = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl });
		await rows(first.plane.database, "CREATE TABLE later (tenant text NOT NULL, note text)");
		await rows(first.plane.database, "INSERT INTO later VALUES ('acme', 'a'), ('globex', 'b')");
		await rows(first.plane.database, "DROP POLICY tenant_rows ON plugins");
		await first.stop();
		const { plane } = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl, dataDir: first.dataDir });
		const read = (text: string) => plane.database.of("acme").query((queries) => queries.execute(sql.raw(text)));
		expect(JSON.parse(JSON.stringify(await read("SELECT note FROM later")))).toEqual([{ note: "a" }]);
		expect(await rows(plane.database, "SELECT polname FROM pg_policy WHERE polrelid = 'plugins'::regclass")).toEqual([
			{ polname: "tenant_rows" },
		]);
	});
});
