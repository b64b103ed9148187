// Knows who calls, before anything of the request's body is read: API key to tenant and role, checked against the access
// policy. The database is asked each time, so a revoked key ends at once.
import type { ApiRole } from "@hookbus/schemas";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { hashKey, looksLikeKey } from "../api-keys/make-key.js";
import { findActiveKey } from "../api-keys/repository.js";
import type { Actor } from "../audit/actor.js";
import type { Database } from "../database/database.js";
import { errors } from "../errors.js";
import { type TokenIdentity, TokenVerifier } from "../oidc/token-verifier.js";
import { DEFAULT_TENANT, tenantExists } from "../tenants/repository.js";
import { accessOf, isAllowed, PLATFORM_ROUTES } from "./access-policy.js";

export interface Caller extends Actor {
	/** Of the API key, or of the tenant and the subject of the token. */
	readonly id: string;
	readonly role: ApiRole;
}

declare module "fastify" {
	interface FastifyRequest {
		/** null on open routes; elsewhere use {@link callerOf}. */
		caller: Caller | null;
	}
}

/** Must be registered before any route. Makes the start fail for a route without an entry in the policy. */
export function addAuthentication(app: FastifyInstance, database: Database, tokens: TokenVerifier | undefined): void {
	app.decorateRequest("caller", null);
	app.addHook("onRoute", ({ method, url }) => {
		for (const each of Array.isArray(method) ? method : [method]) accessOf(each, url);
	});
	app.addHook("onRequest", async (request) => {
		// A path that no route has is answered as such to everyone: the routes are public, see /openapi.json.
		const { method, url } = request.routeOptions;
		if (url === undefined) return;
		const needed = accessOf(Array.isArray(method) ? request.method : (method ?? request.method), url);
		if (needed === "open") return;
		const caller = await authenticate(request, database, tokens);
		// Known from here on, also to what records a refusal.
		request.caller = caller;
		if (!isAllowed(caller.role, needed)) throw roleMissing(caller.role, needed);
		if (PLATFORM_ROUTES.has(`${request.method} ${url}`) && caller.tenant !== DEFAULT_TENANT) {
			throw errors.role_missing(
				`this call is for keys of the tenant ${DEFAULT_TENANT}; this API key belongs to ${caller.tenant}`,
			);
		}
	});
}

/** The caller of a request to a route that is not open. */
export function callerOf(request: FastifyRequest): Caller {
	if (request.caller === null) throw new Error(`route ${request.routeOptions.url} is open and has no caller`);
	return request.caller;
}

/** @throws CodedError `role_missing` */
export function requireRole(caller: Caller, needed: ApiRole, what: string): void {
	if (!isAllowed(caller.role, needed)) throw roleMissing(caller.role, needed, what);
}

function roleMissing(held: ApiRole, needed: ApiRole, what = "this call") {
	return errors.role_missing(`${what} needs the role ${needed}; this API key has ${held}`);
}

async function authenticate(request: FastifyRequest, database: Database, tokens: TokenVerifier | undefined): Promise<Caller> {
	const header = request.headers.authorization;
	if (header === undefined) {
		throw errors.not_authenticated(
			"send an API key as Authorization: Bearer hbk_…; an admin makes one with POST /api/v1/api-keys",
		);
	}
	const key = /^Bearer +(\S+) *$/i.exec(header)?.[1];
	if (tokens !== undefined && key !== undefined && TokenVerifier.looksLikeToken(key)) {
		return await callerOfToken(request, database, await tokens.verify(key));
	}
	const row =
		key === undefined || !looksLikeKey(key)
			? undefined
			: await database.acrossTenants.query((queries) => findActiveKey(queries, hashKey(key)));
	if (row === undefined) {
		throw errors.not_authenticated(
			"the API key is unknown, revoked or has expired; an admin makes one with POST /api/v1/api-keys",
		);
	}
	return { id: row.id, tenant: row.tenant, name: row.name, keyId: row.id, role: row.role, request: request.id };
}

async function callerOfToken(request: FastifyRequest, database: Database, identity: TokenIdentity): Promise<Caller> {
	const { tenant, role, subject } = identity;
	if (!(await database.of(tenant).query((queries) => tenantExists(queries, tenant)))) {
		throw errors.not_authenticated(`the token is for tenant ${tenant}, which does not exist; POST /api/v1/tenants makes one`);
	}
	return { id: `oidc ${tenant} ${subject}`, tenant, name: `oidc ${subject}`, role, request: request.id };
}
