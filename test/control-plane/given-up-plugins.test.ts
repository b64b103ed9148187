// A plugin that a runtime has given up is disabled by the control plane: once, with its reason, and never against an admin who
// has enabled or corrected it since.
import {
	type BreakerStatus,
	isNotice,
	isRouteTable,
	type Notice,
	noticeSubject,
	type PluginChange,
	type PluginDetail,
	type PluginList,
	type RouteTable,
	type RuntimeFleet,
} from "@hookbus/schemas";
import type { KV, NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { createDatabase } from "../support/create-database.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startOnBus } from "../support/start-on-bus.js";
import { startPostgres } from "../support/start-postgres.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";
import { rows } from "./stored-names.js";

function givenUp(plugin: string, revision: number, more: Partial<BreakerStatus> = {}): BreakerStatus {
	return {
		tenant: "default",
		plugin,
		version: "1.0.0",
		state: "given_up",
		openings: 5,
		reason: "trap: unreachable executed",
		since: "2026-01-01T00:00:00.000Z",
		revision,
		...more,
	};
}

/** Notices that are published from now on. */
async function listen(connection: NatsConnection): Promise<Notice[]> {
	const heard: Notice[] = [];
	const subscription = connection.subscribe(noticeSubject("default"), {
		callback: (_error, message) => {
			const value = message.json();
			if (!isNotice(value)) throw new Error(`not a notice: ${message.string()}`);
			heard.push(value);
		},
	});
	closeAfter(() => subscription.unsubscribe());
	await connection.flush();
	return heard;
}

async function installRunning(api: ApiClient, name: string): Promise<PluginChange> {
	const { zip } = await buildPackage({
		name,
		manifest: { config: { type: "object", properties: { depth: { type: "integer" } } } },
	});
	const answer = await api.install<PluginChange>({ file: zip, fields: { grants: "all", enable: "true" } });
	expect(answer.status).toBe(201);
	return answer.body;
}

async function show(api: ApiClient, name: string): Promise<PluginDetail> {
	return (await api.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
}

/** Waits until a report that was sent before this has surely been looked at: reports are looked at in their order. */
async function afterAnother(api: ApiClient, runtime: ScriptedRuntime, before: readonly BreakerStatus[]): Promise<void> {
	const { revision } = await installRunning(api, "canary");
	runtime.breaks(...before, givenUp("canary", revision));
	await waitFor("the canary is disabled", async () => (await show(api, "canary")).status === "disabled");
	await api.delete("/api/v1/plugins/canary");
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let connection: NatsConnection;
	let routes: KV;

	beforeAll(async () => {
		({ control, api, connection } = await startOnBus({ databaseUrl: await create() }));
		routes = await routeBucket(connection);
	});

	async function install(name: string): Promise<PluginChange> {
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		return await installRunning(api, name);
	}

	async function tableAt(revision: number): Promise<RouteTable> {
		return await waitFor(`route table ${revision} is on the bus`, async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= revision ? table : undefined;
		});
	}

	const auditOf = (name: string) =>
		rows(
			control.plane.database,
			`SELECT actor, detail, revision FROM audit_log WHERE target = '${name}' AND action = 'plugin.auto_disable'`,
		);

	test("it is disabled once, with reason, audit row, new table and one notice, however many runtimes repeat it", async () => {
		const { revision } = await install("broken");
		const notices = await listen(connection);
		const runtimes = ["one", "two", "three"].map((id) => new ScriptedRuntime(connection, id));
		for (const runtime of runtimes) runtime.breaks(givenUp("broken", revision));
		const disabled = await waitFor("it is disabled", async () => {
			const detail = await show(api, "broken");
			return detail.status === "disabled" ? detail : undefined;
		});
		expect(disabled.disabledReason).toEqual({
			reason: "trap: unreachable executed",
			time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
			version: "1.0.0",
			runtime: expect.stringMatching(/^(one|two|three)$/),
		});
		const listed = (await api.get<PluginList>("/api/v1/plugins?status=disabled")).body.items;
		expect(listed.find(({ name }) => name === "broken")?.disabledReason).toEqual(disabled.disabledReason);
		expect((await tableAt(revision + 1)).plugins["broken"]).toBeUndefined();
		for (let turn = 0; turn < 3; turn += 1) for (const runtime of runtimes) runtime.breaks(givenUp("broken", revision + turn));
		await afterAnother(api, runtimes[0] as ScriptedRuntime, [givenUp("broken", revision)]);
		expect(await auditOf("broken")).toMatchObject([
			{ actor: "system", detail: { version: "1.0.0", reason: "trap: unreachable executed", openings: 5, revision } },
		]);
		expect(notices.filter(({ plugin }) => plugin === "broken")).toEqual([
			{
				spec: "1",
				kind: "plugin_disabled",
				tenant: "default",
				plugin: "broken",
				version: "1.0.0",
				reason: "trap: unreachable executed",
				time: disabled.disabledReason?.time,
			},
		]);
	});

	test("what is said about the time before it was enabled again does not count, and what is said after it does", async () => {
		const { revision } = await install("again");
		const before = (await tableAt(revision)).plugins["again"]?.configRevision;
		const runtime = new ScriptedRuntime(connection, "late");
		runtime.breaks(givenUp("again", revision));
		await waitFor("it is disabled", async () => (await show(api, "again")).status === "disabled");
		const enabled = await api.post<PluginChange>("/api/v1/plugins/again/enable");
		expect(enabled.body.plugin).not.toHaveProperty("disabledReason");
		const late = givenUp("again", enabled.body.revision - 1);
		runtime.breaks(late);
		await afterAnother(api, runtime, [late]);
		expect((await show(api, "again")).status).toBe("enabled");
		// Another configuration revision, so that no runtime goes on with the breaker of before.
		expect((await tableAt(enabled.body.revision)).plugins["again"]?.configRevision).not.toBe(before);
		runtime.breaks(givenUp("again", enabled.body.revision));
		await waitFor("it is disabled again", async () => (await show(api, "again")).status === "disabled");
		expect(await auditOf("again")).toHaveLength(2);
	});

	const corrections: { title: string; correct: (name: string) => Promise<{ status: number; body: { revision: number } }> }[] = [
		{ title: "configuration", correct: (name) => api.put(`/api/v1/plugins/${name}/config`, { config: { depth: 3 } }) },
		{ title: "limits", correct: (name) => api.put(`/api/v1/plugins/${name}/limits`, { timeoutMs: 5_000 }) },
		{
			title: "version",
			correct: async (name) => api.update(name, { file: (await buildPackage({ name, version: "1.0.1" })).zip }),
		},
	];
	test.each(corrections)("a report from before another $title does not count", async ({ title, correct }) => {
		const name = `corrected-${title}`;
		const { revision } = await install(name);
		const corrected = await correct(name);
		expect(corrected.status).toBe(200);
		const runtime = new ScriptedRuntime(connection, "behind");
		const reports = [givenUp(name, revision), givenUp(name, corrected.body.revision - 1, { version: "1.0.1" })];
		runtime.breaks(...reports);
		await afterAnother(api, runtime, reports);
		expect((await show(api, name)).status).toBe("enabled");
		expect(await auditOf(name)).toEqual([]);
	});

	test("a change of something else does not make a report old", async () => {
		const { revision } = await install("constant");
		await api.post("/api/v1/assistants/bot/plugins", { plugin: "constant", order: 3 });
		new ScriptedRuntime(connection, "steady").breaks(givenUp("constant", revision));
		await waitFor("it is disabled", async () => (await show(api, "constant")).status === "disabled");
	});

	test("another version, a breaker that still tries, a disabled plugin and one that nobody knows: nothing happens", async () => {
		const { revision } = await install("fine");
		await install("off");
		const off = await api.post<PluginChange>("/api/v1/plugins/off/disable");
		const runtime = new ScriptedRuntime(connection, "talker");
		const reports = [
			givenUp("fine", revision, { version: "9.9.9" }),
			givenUp("fine", revision, { state: "open" }),
			givenUp("fine", revision, { state: "half_open" }),
			givenUp("off", off.body.revision),
			givenUp("missing", revision),
			givenUp("fine", revision, { tenant: "nobody" }),
		];
		runtime.breaks(...reports);
		await afterAnother(api, runtime, reports);
		expect((await show(api, "fine")).status).toBe("enabled");
		expect(await show(api, "off")).not.toHaveProperty("disabledReason");
		expect(control.logs()).not.toMatch(/cannot be disabled now/);
	});

	test("a reason that the database cannot store is stored without what it cannot", async () => {
		const { revision } = await install("odd");
		new ScriptedRuntime(connection, "odd-one").breaks(
			givenUp("odd", revision, { reason: "bad_output: \u0000\ud800", since: "\u0000" }),
		);
		const { disabledReason } = await waitFor("it is disabled", async () => {
			const detail = await show(api, "odd");
			return detail.status === "disabled" ? detail : undefined;
		});
		expect(disabledReason?.reason).toBe("bad_output: \ufffd\ufffd");
	});

	test("the fleet shows the breakers of each runtime, of the own tenant only", async () => {
		const { revision } = await install("shown");
		const open = givenUp("shown", revision, { state: "open", openings: 1 });
		new ScriptedRuntime(connection, "breaking").breaks(open, { ...open, tenant: "other" });
		const member = await waitFor("it is heard", async () => {
			const { items } = (await api.get<RuntimeFleet>("/api/v1/runtimes")).body;
			return items.find(({ id, breakers }) => id === "breaking" && breakers.length > 0);
		});
		expect(member.breakers).toEqual([open]);
	});
});

test("two control planes on one database disable it once, and publish one notice", async () => {
	const nats = await startNats();
	const databaseUrl = await createDatabase();
	const one = await startTestControlPlane({ natsUrl: nats.url, databaseUrl });
	const two = await startTestControlPlane({ natsUrl: nats.url, databaseUrl });
	await one.admin.ready();
	await two.admin.as(one.plane.firstKey).ready();
	const connection = await connectTo(nats.url);
	const notices = await listen(connection);
	const runtime = new ScriptedRuntime(connection, "only");
	for (let round = 0; round < 5; round += 1) {
		const { revision } = await installRunning(one.admin, `shared-${round}`);
		runtime.breaks(givenUp(`shared-${round}`, revision));
		await waitFor("it is disabled", async () => (await show(one.admin, `shared-${round}`)).status === "disabled");
	}
	await afterAnother(one.admin, runtime, []);
	const trail = await rows(one.plane.database, "SELECT target FROM audit_log WHERE action = 'plugin.auto_disable' ORDER BY id");
	const names = ["shared-0", "shared-1", "shared-2", "shared-3", "shared-4"];
	expect(trail.map(({ target }) => target)).toEqual([...names, "canary"]);
	expect(notices.map(({ plugin }) => plugin)).toEqual([...names, "canary"]);
});

test("while the database is away nothing is lost: it is disabled when it is back", async () => {
	const nats = await startNats();
	const postgres = await startPostgres();
	const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await postgres.createDatabase() });
	await control.admin.ready();
	const { revision } = await installRunning(control.admin, "broken");
	await postgres.stop();
	const connection = await connectTo(nats.url);
	new ScriptedRuntime(connection, "impatient").breaks(givenUp("broken", revision));
	await waitFor("it was tried in vain", () => control.logs().includes("cannot be disabled now"));
	await postgres.restart();
	// The next heartbeat brings it again, long before a report that was looked at is looked at again.
	await waitFor("it is disabled", async () => (await show(control.admin, "broken")).status === "disabled", { timeoutMs: 30_000 });
});
