// Liveness, readiness and metrics. Ready means: REST calls can be served, so the database answers and the service does not
// stop. NATS is reported and does not count: without it changes are stored and sent later.
import { CodedError } from "@hookbus/foundation";
import { Type } from "@sinclair/typebox";
import { sql } from "drizzle-orm";
import type { BusLink } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import { tenants } from "../database/tables/tenants.js";
import type { App } from "../http/app.js";
import type { ControlPlaneMetrics } from "../metrics.js";

const Readiness = Type.Object({
	status: Type.Union([Type.Literal("ready"), Type.Literal("not_ready")]),
	reasons: Type.Array(Type.String(), { description: "Why it is not ready, or what works only in part" }),
});

export interface HealthParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly metrics: ControlPlaneMetrics;
	/** Aborted when the service stops. */
	readonly stopping: AbortSignal;
}

export function addHealthRoutes(app: App, { database, link, metrics, stopping }: HealthParts): void {
	const tags = ["health"];

	app.get(
		"/livez",
		{
			schema: {
				tags,
				operationId: "live",
				summary: "200 while the process works",
				response: { 200: Type.Object({ status: Type.Literal("live") }) },
				security: [],
			},
		},
		() => ({ status: "live" as const }),
	);

	app.get(
		"/readyz",
		{
			schema: {
				tags,
				operationId: "ready",
				summary: "200 while REST calls can be served, else 503; either way with the reasons",
				response: { 200: Readiness, 503: Readiness },
				security: [],
			},
		},
		async (_request, reply) => {
			const blocking = [...(stopping.aborted ? ["the service is stopping"] : []), ...(await databaseFaults(database))];
			const partial = link.state === "ready" ? [] : [`NATS is ${link.state}: changes are stored and sent later`];
			const ready = blocking.length === 0;
			return await reply
				.code(ready ? 200 : 503)
				.send({ status: ready ? ("ready" as const) : ("not_ready" as const), reasons: [...blocking, ...partial] });
		},
	);

	app.get("/metrics", { schema: { hide: true } }, async (_request, reply) =>
		reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
	);
}

/** A table is read, so that a database that answers and is not migrated does not count as ready. */
async function databaseFaults(database: Database): Promise<string[]> {
	try {
		await database.acrossTenants.query((queries) => queries.select({ one: sql`1` }).from(tenants).limit(1));
		return [];
	} catch (thrown) {
		return [`database: ${thrown instanceof CodedError ? thrown.message : "its tables cannot be read yet"}`];
	}
}
