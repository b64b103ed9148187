// A tenant whose route table fits into no message of NATS: from a change over the outbox and the bus to a runtime, and what becomes
// of the parts when they are lost, replaced, or not needed any more.
import { ensureBus, readTable } from "@hookbus/foundation";
import { isPackedTable, isRouteTable, type PluginChange, type PluginDetail } from "@hookbus/schemas";
import { expect, test } from "vitest";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { chatEvent } from "../support/events.js";
import { everyHookModule } from "../support/large-tables.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { digestOf } from "../support/route-tables.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { rows } from "./stored-names.js";

const ASSISTANTS = 3_000;
const WAIT = "?wait=applied&waitMs=30000";

test("a tenant with thousands of bindings reaches the runtimes, and its parts are repaired and swept", async () => {
	const nats = await startNats();
	const connection = await connectTo(nats.url);
	const timing = { reconcileMs: 300, tableGraceMs: 1 };
	const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await createDatabase(), relayTiming: timing });
	const { admin, plane } = control;
	await admin.ready();
	await startRuntimeHere({ natsUrl: nats.url });
	const hooks = (["on_chat_message", "on_tool_call", "on_before_response"] as const).map((hook) => ({
		hook,
		effect: "gate" as const,
	}));
	const file = await zipOf(manifestOf("checker", "1.0.0", hooks), await everyHookModule());
	expect((await admin.install({ file, fields: { grants: "all", enable: "true", bind: "none" } }, WAIT)).status).toBe(201);
	await rows(
		plane.database,
		`INSERT INTO bindings (tenant, plugin, assistant, "order")
				SELECT 'default', 'checker', 'assistant-' || number, number FROM generate_series(1, ${ASSISTANTS}) AS number`,
	);

	const changed = await admin.put<PluginChange>(`/api/v1/assistants/assistant-7/plugins/checker${WAIT}`, { mode: "shadow" });
	expect(changed.status).toBe(200);
	const bus = await ensureBus(connection, { replicas: 1, ackWaitMs: 60_000 });
	const held = async () => (await bus.routes.get("default"))?.json();
	expect(await held()).toSatisfy(isPackedTable);
	const table = await readTable(bus, "default");
	expect(Object.keys(table?.hooks.on_before_response?.assistants ?? {})).toHaveLength(ASSISTANTS);
	const trailOf = async (assistant: string) => {
		const { revision, trail } = await ask(connection, chatEvent("hello", { tenant: "default", assistant }));
		return { revision, trail: trail.map(({ plugin, mode }) => `${plugin} ${mode}`) };
	};
	const { revision } = changed.body;
	expect(await trailOf("assistant-7")).toEqual({ revision, trail: ["checker shadow"] });
	expect(await trailOf("assistant-2999")).toEqual({ revision, trail: ["checker enforce"] });
	// Nothing else of the service reads the table as a whole.
	expect((await admin.get<PluginDetail>("/api/v1/plugins/checker")).body.health).toMatchObject({ status: "running" });

	for (const name of await bus.tableParts.list()) await bus.tableParts.remove(name);
	await waitFor(
		"the parts are there again",
		async () => (await readTable(bus, "default").catch(() => undefined))?.revision === revision,
	);

	const again = await admin.put<PluginChange>(`/api/v1/assistants/assistant-7/plugins/checker${WAIT}`, { mode: "enforce" });
	expect(await trailOf("assistant-7")).toEqual({ revision: again.body.revision, trail: ["checker enforce"] });
	await waitFor("the parts of the table before are gone", async () => (await bus.tableParts.list()).size === 1);

	await rows(plane.database, "DELETE FROM bindings WHERE assistant <> 'assistant-7'");
	const small = await admin.delete(`/api/v1/assistants/assistant-7/plugins/checker${WAIT}`);
	expect(small.status).toBe(200);
	expect(await held()).toSatisfy(isRouteTable);
	expect(await held()).toMatchObject({ hooks: {} });
	await waitFor("no parts are left", async () => (await bus.tableParts.list()).size === 0);
});

test("an entry that was deleted or is not readable does not stop the sweep of parts", async () => {
	const nats = await startNats();
	const timing = { reconcileMs: 300, tableGraceMs: 1 };
	const { admin } = await startTestControlPlane({ natsUrl: nats.url, relayTiming: timing });
	await admin.ready();
	const bus = await ensureBus(await connectTo(nats.url), { replicas: 1, ackWaitMs: 60_000 });
	await bus.routes.put("deleted", "{}");
	await bus.routes.delete("deleted");
	await bus.routes.put("garbled", "no JSON");
	const content = Buffer.from("parts of a table that no entry names");
	for (const tenant of ["deleted", "garbled", "gone"]) {
		await bus.tableParts.write({
			entry: {
				spec: "1",
				packed: "gzip-lines",
				tenant,
				revision: 1,
				compiledAt: new Date(0).toISOString(),
				bytes: content.byteLength,
				packedBytes: content.byteLength,
				digest: digestOf(content),
			},
			content,
		});
	}
	await waitFor("no parts are left", async () => (await bus.tableParts.list()).size === 0);
});
