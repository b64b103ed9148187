// Who may call what: the one table. A route that is not in it stops the service at its start, so a forgotten line can never
// mean an open door; the tests walk the same table.
import { API_ROLES, type ApiRole } from "@hookbus/schemas";

/** `open`: without a key. A role: this one or a higher one. */
export type Access = "open" | ApiRole;

/** Method and path, as the routes are declared. */
export const ACCESS_POLICY: Readonly<Record<string, Access>> = {
	"GET /livez": "open",
	"GET /readyz": "open",
	"GET /metrics": "open",
	"GET /openapi.json": "open",
	"GET /docs": "open",
	"GET /docs/": "open",
	"GET /docs/json": "open",
	"GET /docs/yaml": "open",
	"GET /docs/static/*": "open",
	"HEAD /docs/static/*": "open",
	"GET /docs/static/index.html": "open",
	"GET /docs/static/swagger-initializer.js": "open",

	"GET /api/v1/plugins": "viewer",
	"GET /api/v1/plugins/metrics": "viewer",
	"POST /api/v1/plugins/install": "developer",
	"POST /api/v1/plugins/validate-manifest": "developer",
	"GET /api/v1/plugins/:name": "viewer",
	"PUT /api/v1/plugins/:name": "operator",
	"DELETE /api/v1/plugins/:name": "admin",
	"POST /api/v1/plugins/:name/enable": "operator",
	"POST /api/v1/plugins/:name/disable": "operator",
	"POST /api/v1/plugins/:name/toggle": "operator",
	"PUT /api/v1/plugins/:name/grants": "admin",
	"GET /api/v1/plugins/:name/versions": "viewer",
	"GET /api/v1/plugins/:name/rollouts": "viewer",
	"POST /api/v1/plugins/:name/rollouts": "operator",
	"GET /api/v1/plugins/:name/rollouts/:id": "viewer",
	"POST /api/v1/plugins/:name/rollouts/:id/promote": "operator",
	"POST /api/v1/plugins/:name/rollouts/:id/stop": "operator",
	"GET /api/v1/plugins/:name/history": "viewer",
	"POST /api/v1/plugins/:name/rollback": "operator",
	"GET /api/v1/plugins/:name/config": "viewer",
	"PUT /api/v1/plugins/:name/config": "operator",
	"DELETE /api/v1/plugins/:name/config": "operator",
	"GET /api/v1/plugins/:name/config/users": "viewer",
	"DELETE /api/v1/users/:user/configs": "operator",
	"GET /api/v1/plugins/:name/limits": "viewer",
	"PUT /api/v1/plugins/:name/limits": "operator",

	"GET /api/v1/assistants/:id/plugins": "viewer",
	"POST /api/v1/assistants/:id/plugins": "operator",
	"PUT /api/v1/assistants/:id/plugins/order": "operator",
	"PUT /api/v1/assistants/:id/plugins/:plugin": "operator",
	"DELETE /api/v1/assistants/:id/plugins/:plugin": "operator",
	"GET /api/v1/assistants/:id/plugins/:plugin/users": "viewer",
	"PUT /api/v1/assistants/:id/plugins/:plugin/users/:user": "operator",
	"DELETE /api/v1/assistants/:id/plugins/:plugin/users/:user": "operator",
	"GET /api/v1/assistants/:id/explain": "viewer",
	"GET /api/v1/assistants/:id/metrics": "viewer",

	"GET /api/v1/plugin-executions": "viewer",
	"GET /api/v1/plugin-executions/live": "viewer",
	"GET /api/v1/plugin-executions/:id": "viewer",
	"GET /api/v1/runtimes": "viewer",

	"GET /api/v1/dead-letters": "viewer",
	"GET /api/v1/dead-letters/:id": "viewer",
	// What was said in a conversation.
	"GET /api/v1/dead-letters/:id/event": "operator",
	"POST /api/v1/dead-letters/:id/replay": "operator",
	"DELETE /api/v1/dead-letters/:id": "operator",
	"POST /api/v1/dead-letters/replay": "operator",
	"POST /api/v1/dead-letters/drop": "operator",

	"GET /api/v1/recordings": "viewer",
	// Copies what is said in conversations.
	"POST /api/v1/recordings": "admin",
	"GET /api/v1/recordings/:id": "viewer",
	"POST /api/v1/recordings/:id/stop": "operator",
	"DELETE /api/v1/recordings/:id": "operator",
	"GET /api/v1/recordings/:id/events": "viewer",
	// What was said in a conversation.
	"GET /api/v1/recordings/:id/events/:event": "operator",

	"POST /api/v1/plugins/:name/replays": "operator",
	"GET /api/v1/plugins/:name/replays": "viewer",
	"GET /api/v1/plugins/:name/replays/:id": "viewer",
	// What plugins made of what was said in conversations.
	"GET /api/v1/plugins/:name/replays/:id/results": "operator",
	"POST /api/v1/plugins/:name/replays/:id/cancel": "operator",

	"GET /api/v1/tenants": "admin",
	"POST /api/v1/tenants": "admin",

	"GET /api/v1/keys": "admin",
	"POST /api/v1/keys/rotate": "admin",

	"GET /api/v1/trusted-publishers": "admin",
	"POST /api/v1/trusted-publishers": "admin",
	"DELETE /api/v1/trusted-publishers/:id": "admin",
	"GET /api/v1/trust-policy": "viewer",
	"PUT /api/v1/trust-policy": "admin",
	"PUT /api/v1/plugins/:name/publisher": "admin",
	"GET /api/v1/marketplace/sources": "viewer",
	"POST /api/v1/marketplace/sources": "admin",
	"DELETE /api/v1/marketplace/sources/:name": "admin",
	"POST /api/v1/marketplace/sources/:name/refresh": "operator",
	"GET /api/v1/marketplace/plugins": "viewer",
	"GET /api/v1/marketplace/plugins/:name": "viewer",
	"GET /api/v1/plugins/updates": "viewer",
	"GET /api/v1/recalls": "viewer",
	"POST /api/v1/recalls": "admin",
	"DELETE /api/v1/recalls/:id": "admin",

	"GET /api/v1/api-keys": "admin",
	"POST /api/v1/api-keys": "admin",
	"DELETE /api/v1/api-keys/:id": "admin",
};

/** Routes that only keys of the tenant `default` may call, besides having the role: they are about the whole deployment. */
export const PLATFORM_ROUTES: ReadonlySet<string> = new Set([
	"GET /api/v1/tenants",
	"POST /api/v1/tenants",
	"GET /api/v1/keys",
	"POST /api/v1/keys/rotate",
]);

/** What single fields of an upload need on top of the route's role. */
export const UPLOAD_FIELD_ROLES = { enable: "operator", grants: "admin", accept: "admin" } as const satisfies Record<
	string,
	ApiRole
>;

/** What single fields of a binding need, when they are set to true, on top of the route's role. */
export const BINDING_FIELD_ROLES = { recordPatches: "admin" } as const satisfies Record<string, ApiRole>;

/** What single fields of an answer need: they are text of conversations. Keys of a lower role get the rest. */
export const ANSWER_FIELD_ROLES = { patch: "operator" } as const satisfies Record<string, ApiRole>;

/**
 * The access of a declared route.
 *
 * @throws Error when the table does not name it
 */
export function accessOf(method: string, path: string): Access {
	const route = `${method} ${path}`;
	const access = Object.hasOwn(ACCESS_POLICY, route) ? ACCESS_POLICY[route] : undefined;
	if (access === undefined) throw new Error(`route ${route} is not in ACCESS_POLICY; add it there with the role that it needs`);
	return access;
}

/** True when a key of role `held` may do what `needed` may. */
export function isAllowed(held: ApiRole, needed: ApiRole): boolean {
	return API_ROLES.indexOf(held) >= API_ROLES.indexOf(needed);
}
