// Row security: the second line behind the tenant predicates of the queries. After the migrations every table gets its rule, which
// says what the role of a tenant's transaction sees and may do. A table that came with a later migration is secured here without
// anybody thinking of it: with a column `tenant` it gets the common rule, else one from RULES, else that role has no access at all.
import { errors } from "../errors.js";
import { CURRENT_TENANT, literal, TENANT_ROLE } from "./tenant-role.js";

/** Runs one statement and returns its rows. All statements of one call of `secureRows` go over the same session. */
export type RunStatement = (statement: string) => Promise<readonly Record<string, unknown>[]>;

interface Rule {
	/** Which rows the tenant has, as SQL. */
	readonly own: string;
	/** Which rows it may read besides. */
	readonly shown?: string;
	/** What it may do with its own; default: everything but TRUNCATE. */
	readonly may?: string;
}

const BY_TENANT: Rule = { own: `tenant = ${CURRENT_TENANT}` };

/** Tables with another rule than the common one. */
const RULES: Readonly<Record<string, Rule>> = {
	tenants: { own: `id = ${CURRENT_TENANT}`, may: "SELECT, UPDATE" },
	audit_log: { ...BY_TENANT, may: "SELECT, INSERT" },
	recalls: { ...BY_TENANT, shown: "everywhere" },
	// Rows that belong to a row of a tenant. What the subquery sees is secured as well.
	binding_opt_ins: { own: "EXISTS (SELECT 1 FROM bindings WHERE bindings.id = binding_opt_ins.binding)" },
	replay_results: { own: "EXISTS (SELECT 1 FROM replays WHERE replays.id = replay_results.replay)" },
	marketplace_entries: {
		own: "EXISTS (SELECT 1 FROM marketplace_sources WHERE marketplace_sources.id = marketplace_entries.source)",
	},
};

const POLICY = "tenant_rows";
const SHOWN_POLICY = "tenant_reads";

/** SQLSTATEs: the role was made by somebody else at this moment, or before; it may not be made. */
const MADE_MEANWHILE = new Set(["42710", "23505"]);
const FORBIDDEN = "42501";

/**
 * Makes role, policies and grants that are missing or say something else. Call it with the migrations locked.
 *
 * @throws CodedError `database_role_missing`
 */
export async function secureRows(run: RunStatement): Promise<void> {
	await ensureRole(run);
	const tables = await run(`
		SELECT c.relname AS name, c.relrowsecurity AS secured,
			EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped) AS has_tenant,
			(SELECT obj_description(p.oid, 'pg_policy') FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = '${POLICY}') AS made
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname`);
	const [place] = await run("SELECT quote_ident(current_schema()) AS schema");
	const statements: string[] = [];
	for (const { name, secured, has_tenant, made } of tables) {
		const table = String(name);
		const rule = Object.hasOwn(RULES, table) ? RULES[table] : has_tenant === true ? BY_TENANT : undefined;
		if (rule === undefined ? secured === true : made === definitionOf(rule)) continue;
		statements.push(...(rule === undefined ? [secure(table)] : secureBy(table, rule)));
	}
	if (statements.length === 0) return;
	statements.push(`GRANT USAGE ON SCHEMA ${String(place?.["schema"])} TO ${TENANT_ROLE}`);
	// All or nothing: a table that is secured and has no policy yet would show a tenant nothing.
	await run("BEGIN");
	try {
		for (const statement of statements) await run(statement);
		await run("COMMIT");
	} catch (thrown) {
		await run("ROLLBACK");
		throw thrown;
	}
}

/** Kept with the policy, so that a rule which is changed here is made anew. */
function definitionOf(rule: Rule): string {
	return JSON.stringify([rule.own, rule.shown, rule.may]);
}

function secure(table: string): string {
	return `ALTER TABLE "${table}" ENABLE ROW LEVEL SECURITY`;
}

function secureBy(table: string, rule: Rule): string[] {
	const { own, shown, may = "SELECT, INSERT, UPDATE, DELETE" } = rule;
	return [
		secure(table),
		`DROP POLICY IF EXISTS ${POLICY} ON "${table}"`,
		`DROP POLICY IF EXISTS ${SHOWN_POLICY} ON "${table}"`,
		`CREATE POLICY ${POLICY} ON "${table}" TO ${TENANT_ROLE} USING (${own}) WITH CHECK (${own})`,
		...(shown === undefined ? [] : [`CREATE POLICY ${SHOWN_POLICY} ON "${table}" FOR SELECT TO ${TENANT_ROLE} USING (${shown})`]),
		`COMMENT ON POLICY ${POLICY} ON "${table}" IS ${literal(definitionOf(rule))}`,
		`REVOKE ALL ON "${table}" FROM ${TENANT_ROLE}`,
		`GRANT ${may} ON "${table}" TO ${TENANT_ROLE}`,
	];
}

/** The role belongs to the server and not to the database: another database of the server may have made it already. */
async function ensureRole(run: RunStatement): Promise<void> {
	const find = () =>
		run(
			`SELECT rolsuper OR rolbypassrls AS unbound, quote_ident(current_user) AS me FROM pg_roles WHERE rolname = '${TENANT_ROLE}'`,
		);
	let [role] = await find();
	if (role === undefined) {
		const code = await codeOf(run, `CREATE ROLE ${TENANT_ROLE} NOLOGIN`);
		if (code !== undefined && !MADE_MEANWHILE.has(code)) {
			const [me] = await run("SELECT quote_ident(current_user) AS me");
			throw roleMissing("may not make", `CREATE ROLE ${TENANT_ROLE} NOLOGIN ROLE ${String(me?.["me"])}`, me?.["me"]);
		}
		[role] = await find();
	}
	if (role?.["unbound"] === true) {
		throw errors.database_role_missing(
			`the role ${TENANT_ROLE} is a superuser or has BYPASSRLS, so the database would show a tenant the rows of all; let an ` +
				`administrator of the database run: ALTER ROLE ${TENANT_ROLE} NOSUPERUSER NOBYPASSRLS`,
		);
	}
	const me = role?.["me"];
	const grant = `GRANT ${TENANT_ROLE} TO ${String(me)}`;
	if ((await codeOf(run, `SET ROLE ${TENANT_ROLE}`)) !== undefined) {
		if ((await codeOf(run, grant)) !== undefined) throw roleMissing("is no member of", grant, me);
		await run(`SET ROLE ${TENANT_ROLE}`);
	}
	await run("RESET ROLE");
}

/** SQLSTATE of a refusal; undefined: it was done. */
async function codeOf(run: RunStatement, statement: string): Promise<string | undefined> {
	try {
		await run(statement);
		return undefined;
	} catch (thrown) {
		const { code } = thrown as { code?: unknown };
		if (typeof code !== "string" || !(MADE_MEANWHILE.has(code) || code === FORBIDDEN)) throw thrown;
		return code;
	}
}

function roleMissing(what: string, statement: string, user: unknown) {
	return errors.database_role_missing(
		`the database user ${String(user)} ${what} the role ${TENANT_ROLE}, as which it works for a tenant, so that the database itself ` +
			`shows no other rows; let an administrator of the database run: ${statement}`,
	);
}
