// How a transaction becomes one of a tenant: it takes on a role that row security applies to (it does not to the owner of the
// tables, nor to a superuser, which PGlite's user is) and names the tenant. Both end with the transaction, so a connection that
// goes back to its pool carries neither to the next request.

/** Owns nothing, cannot log in, and may touch only what secure-rows.ts grants. */
export const TENANT_ROLE = "hookbus_tenant";

/** The tenant of the transaction, in the expression of a policy: a subquery, so that it is read once for each query. */
export const CURRENT_TENANT = "(SELECT current_setting('hookbus.tenant', true))";

/** The first statement of a tenant's transaction. One statement without parameters: it can be sent together with the next. */
export function becomeTenant(tenant: string, access: "read" | "write"): string {
	const readOnly = access === "read" ? ", set_config('transaction_read_only', 'on', true)" : "";
	return `SELECT set_config('hookbus.tenant', ${literal(tenant)}, true), set_config('role', '${TENANT_ROLE}', true)${readOnly}`;
}

/** As SQL, with the standard's strings, in which a backslash is a character like others. */
export function literal(text: string): string {
	return `'${text.replaceAll("'", "''")}'`;
}
