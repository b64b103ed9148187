// Refused calls belong in the audit log as much as changes do: who tries keys or routes shows nowhere else. Each refusal is one row,
// in the log of the tenant that is attacked or that the caller belongs to. A flood must not fill the log: past a number in a minute
// they are counted only, and the next row says how many there were.
//
//   401, key revoked or expired  access.refused, in the tenant of the key
//   401, anything else           access.refused, in the tenant default, which runs the deployment
//   403                          access.denied, in the caller's tenant
import { describeError } from "@hookbus/foundation";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { hashKey, looksLikeKey } from "../api-keys/make-key.js";
import { findKeyByHash } from "../api-keys/repository.js";
import type { Database } from "../database/database.js";
import { DEFAULT_TENANT } from "../tenants/repository.js";
import type { Actor } from "./actor.js";
import { recordAudit } from "./record-audit.js";

/** Rows of one tenant in a minute. */
const ROWS_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

interface Refusal {
	readonly actor: Actor;
	readonly action: "access.refused" | "access.denied";
	readonly why: string;
}

interface Minute {
	since: number;
	rows: number;
	/** Refusals without a row. */
	uncounted: number;
}

/** Must be added before any route. An answer waits for its row; without the database it goes out all the same. */
export function addSecurityEvents(app: FastifyInstance, database: Database): void {
	const minutes = new Map<string, Minute>();

	/** How many refusals had no row before this one; undefined: this one has none either. */
	const take = (tenant: string): number | undefined => {
		const now = performance.now();
		const minute = minutes.get(tenant) ?? { since: now, rows: 0, uncounted: 0 };
		minutes.set(tenant, minute);
		if (now - minute.since >= MINUTE_MS) Object.assign(minute, { since: now, rows: 0 });
		if (minute.rows >= ROWS_PER_MINUTE) {
			minute.uncounted += 1;
			return undefined;
		}
		minute.rows += 1;
		const { uncounted } = minute;
		minute.uncounted = 0;
		return uncounted;
	};

	app.addHook("onSend", async (request, reply) => {
		const { statusCode } = reply;
		if (statusCode !== 401 && statusCode !== 403) return;
		try {
			const refusal = statusCode === 403 ? denied(request) : await refused(request, database);
			if (refusal === undefined) return;
			const omitted = take(refusal.actor.tenant);
			if (omitted === undefined) return;
			const { actor, action, why } = refusal;
			const target = `${request.method} ${request.routeOptions.url ?? ""}`;
			const detail = { why, address: request.ip, ...(omitted === 0 ? {} : { omitted }) };
			await database.of(actor.tenant).transaction((queries) => recordAudit(queries, actor, { action, target, detail }, null));
		} catch (thrown) {
			request.log.warn({ error: describeError(thrown) }, "a refused call cannot be written to the audit log");
		}
	});
}

function denied({ caller }: FastifyRequest): Refusal | undefined {
	if (caller === null) return undefined;
	// Nothing was changed: the row is neither what makes an Idempotency-Key used nor bound to an If-Match.
	const { made: _made, precondition: _precondition, ...actor } = caller;
	return {
		actor,
		action: "access.denied",
		why: `the role ${caller.role} or the tenant ${caller.tenant} does not allow it`,
	};
}

/** `undefined` for a call without credentials: that is nobody who tries something. */
async function refused(request: FastifyRequest, database: Database): Promise<Refusal | undefined> {
	const header = request.headers.authorization;
	if (header === undefined) return undefined;
	const given = /^Bearer +(\S+) *$/i.exec(header)?.[1];
	const isKey = given !== undefined && looksLikeKey(given);
	const row = isKey ? await database.acrossTenants.query((queries) => findKeyByHash(queries, hashKey(given))) : undefined;
	const action = "access.refused";
	if (row === undefined) {
		const actor = { tenant: DEFAULT_TENANT, name: "unknown", request: request.id };
		return { actor, action, why: isKey ? "an unknown API key" : `no API key: ${kindOf(header)}` };
	}
	const { tenant, name, id: keyId } = row;
	const why = row.revokedAt === null ? "an expired API key" : "a revoked API key";
	return { actor: { tenant, name, keyId, request: request.id }, action, why };
}

/** What kind of credentials it is, without them. */
function kindOf(header: string): string {
	if (/^Bearer +[\w-]+\.[\w-]+\.[\w-]*$/i.test(header)) return "a token that is not valid here";
	return /^Bearer /i.test(header) ? "a text that is none" : "another scheme than Bearer";
}
