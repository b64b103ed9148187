// Who works on the rows of all tenants. Everybody else takes `database.of(tenant)`, where the database itself shows one tenant's
// rows: a new place without a reason here fails, so that none slips in.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inRepository } from "../../deploy/local/repository.js";

const SOURCES = inRepository("services/control-plane/src");

/** File → how often it does so, and why the work belongs to no tenant. */
const ALLOWED: Readonly<Record<string, readonly [times: number, reason: string]>> = {
	"api-keys/first-key.ts": [1, "The first start makes the first tenant."],
	"audit/security-events.ts": [1, "Whose key was refused must be found out first."],
	"compose.ts": [1, "Modules are published by their digest, for whoever has it in a table."],
	"executions/retention.ts": [2, "Old executions go in every tenant."],
	"executions/store-executions.ts": [1, "A batch from the stream is stored in one transaction; each row has its own tenant."],
	"health/routes.ts": [1, "Whether the tables can be read is asked for nobody."],
	"http/authentication.ts": [1, "Whose key it is must be found out first."],
	"http/held-calls.ts": [1, "The calls in hand of one process are those of several tenants."],
	"http/idempotency.ts": [4, "Kept answers belong to a caller and are sealed with what only that caller knows."],
	"keys/key-rotation.ts": [1, "Which tenants there are; the keys of each are rotated by themselves."],
	"keys/key-status.ts": [1, "Whether a master key may be taken away depends on every tenant."],
	"marketplace/source-refresh.ts": [1, "Which sources there are; each is refreshed for its own tenant."],
	"recordings/recording-watch.ts": [3, "Which recordings run, expired or are gone; each is ended for its own tenant."],
	"replays/replay-runner.ts": [1, "Replays that nobody works on any more are marked, whosever they are."],
	"recalls/declare-recall.ts": [1, "Which tenants there are; each gets its own change."],
	"rollouts/rollout-watch.ts": [1, "Which rollouts run; each is stopped for its own tenant."],
	"routing/outbox-relay.ts": [4, "One relay publishes the changes of all tenants."],
	"routing/recompile-outdated.ts": [1, "Which tenants there are; each gets its own change."],
	"routing/sweep-modules.ts": [2, "A module is removed when no tenant has it."],
	"stores/store-purges.ts": [1, "Which purges there are; each is done for its own tenant."],
	"tenants/routes.ts": [2, "The platform's admins make and list tenants."],
};

test("AU-03 only the places that are listed here work on the rows of all tenants", () => {
	const found: Record<string, number> = {};
	for (const file of readdirSync(SOURCES, { recursive: true, encoding: "utf8" })) {
		// The interface and its two implementations.
		if (!file.endsWith(".ts") || file.startsWith("database/")) continue;
		const times = readFileSync(join(SOURCES, file), "utf8").split("acrossTenants").length - 1;
		if (times > 0) found[file] = times;
	}
	expect(found).toEqual(Object.fromEntries(Object.entries(ALLOWED).map(([file, [times]]) => [file, times])));
	for (const [, reason] of Object.values(ALLOWED)) expect(reason).toMatch(/^[A-Z].{20,}\.$/);
});

test("AU-03 nobody reaches the drivers past the two forms", () => {
	const drivers = /from "(postgres|@electric-sql\/pglite|drizzle-orm\/(postgres-js|pglite)[^"]*)"/;
	const users = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter(
		(file) => file.endsWith(".ts") && drivers.test(readFileSync(join(SOURCES, file), "utf8")),
	);
	expect(users.sort()).toEqual(["database/lost-connections.ts", "database/open-pglite.ts", "database/open-postgres.ts"]);
});
