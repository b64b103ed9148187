// REST: the runtimes, with the revision that each should run and the one that it runs.
import { RuntimeFleet as RuntimeFleetSchema } from "@hookbus/schemas";
import type { Database } from "../database/database.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { tenantRevision } from "../tenants/repository.js";
import type { RuntimeFleet } from "./runtime-fleet.js";

export interface FleetRoutesParts {
	readonly database: Database;
	readonly fleet: RuntimeFleet;
}

export function addFleetRoutes(app: App, { database, fleet }: FleetRoutesParts): void {
	app.get(
		"/api/v1/runtimes",
		{
			schema: {
				tags: ["runtimes"],
				operationId: "listRuntimes",
				summary: "List the runtimes that were heard within ten minutes",
				response: answers(RuntimeFleetSchema),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			const desired = await database.of(tenant).query((queries) => tenantRevision(queries, tenant));
			return { desired, items: fleet.members(tenant, desired) };
		},
	);
}
