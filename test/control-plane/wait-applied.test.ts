// wait=applied: a change is answered when every live runtime has it, or with who is late, or with who could not take it.
import type { Applied, PluginChange, PluginConfigChange, PluginDetail, RuntimeFleet } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { needsRealTime } from "../support/real-time.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { waitFor } from "../support/wait-for.js";
import { routeBucket, ScriptedRuntime } from "./scripted-runtime.js";

let nats: StartedNats;
let control: StartedControlPlane;

beforeAll(async () => {
	nats = await startNats();
	control = await startTestControlPlane({ natsUrl: nats.url });
	await control.admin.ready();
	const { zip } = await buildPackage();
	await control.admin.install({ file: zip, fields: { grants: "all" } });
});

/** One change; waits unless told otherwise. */
function toggle<T = PluginChange>(query = "?wait=applied") {
	return control.admin.post<T & { applied?: Applied }>(`/api/v1/plugins/tester/toggle${query}`);
}

/** A connection whose runtimes are gone for the control plane when the test ends. */
async function fleet(ids: readonly string[]): Promise<{ connection: NatsConnection; runtimes: ScriptedRuntime[] }> {
	const connection = await connectTo(nats.url);
	const runtimes = ids.map((id) => new ScriptedRuntime(connection, id));
	await waitFor("the runtimes are heard", async () => {
		const { items } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
		return ids.every((id) => items.some((member) => member.id === id && member.live));
	});
	return { connection, runtimes };
}

/** Says that they stopped, so that the next test's fleet is its own. */
function disband(runtimes: readonly ScriptedRuntime[]): void {
	for (const runtime of runtimes) {
		runtime.becomes("stopped");
		runtime.die();
	}
}

test("without wait the answer says the revision only", async () => {
	const answer = await toggle("");
	expect(answer.status).toBe(200);
	expect(answer.body).not.toHaveProperty("applied");
});

test("with no live runtime the answer comes with an empty list", async () => {
	const answer = await toggle();
	expect(answer.body.applied).toEqual({ revision: answer.body.revision, runtimes: [] });
});

test("the answer comes when the last runtime has applied the change, and names them all", async () => {
	const { connection, runtimes } = await fleet(["one", "two"]);
	const [one, two] = runtimes as [ScriptedRuntime, ScriptedRuntime];
	await one.follows(await routeBucket(connection));
	let done = false;
	const answering = toggle().then((answer) => {
		done = true;
		return answer;
	});
	const revision = await waitFor("one has applied it", async () => {
		const { desired, items } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
		return items.find(({ id }) => id === "one")?.running === desired ? desired : undefined;
	});
	expect(done).toBe(false);
	two.reports(revision);
	const answer = await answering;
	expect(answer.status).toBe(200);
	expect(answer.body.applied).toEqual({
		revision,
		runtimes: expect.arrayContaining([
			{ id: "one", revision, faults: [] },
			{ id: "two", revision, faults: [] },
		]),
	});
	disband(runtimes);
});

test("a later revision counts as applied", async () => {
	const { runtimes } = await fleet(["ahead"]);
	(runtimes[0] as ScriptedRuntime).reports(1_000_000);
	expect((await toggle()).status).toBe(200);
	disband(runtimes);
});

test("who is late is named after the time, and the change is stored", async () => {
	const { runtimes } = await fleet(["slow"]);
	(runtimes[0] as ScriptedRuntime).reports(1);
	const started = performance.now();
	const answer = await toggle<ProblemBody>("?wait=applied&waitMs=300");
	expect(performance.now() - started).toBeGreaterThanOrEqual(290);
	expect(answer).toMatchObject({
		status: 504,
		body: { code: "not_applied_in_time", errors: [{ path: "/runtimes/slow", message: "runs revision 1" }] },
	});
	const { desired } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
	expect(answer.body.detail).toContain(`stored as revision ${desired}`);
	disband(runtimes);
});

test("a runtime that falls silent is waited for no longer than its heartbeat's expiry", async (context) => {
	needsRealTime(context);
	const { runtimes } = await fleet(["dying"]);
	(runtimes[0] as ScriptedRuntime).die();
	const started = performance.now();
	const answer = await toggle("?wait=applied&waitMs=15000");
	expect(answer.status).toBe(200);
	expect(performance.now() - started).toBeLessThan(8_000);
});

describe("states", () => {
	test.each(["draining", "stopped"] as const)("a runtime that is %s is not waited for", async (state) => {
		const { runtimes } = await fleet([`is-${state}`]);
		(runtimes[0] as ScriptedRuntime).becomes(state);
		await waitFor("it is not live any more", async () => {
			const { items } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
			return items.find(({ id }) => id === `is-${state}`)?.live === false;
		});
		expect((await toggle("?wait=applied&waitMs=1000")).status).toBe(200);
		disband(runtimes);
	});

	test("a runtime that is starting is waited for", async () => {
		const { runtimes } = await fleet(["new"]);
		(runtimes[0] as ScriptedRuntime).becomes("starting");
		expect((await toggle("?wait=applied&waitMs=300")).status).toBe(504);
		disband(runtimes);
	});
});

test("a plugin that a runtime could not take fails the change, with what goes on", async () => {
	const { connection, runtimes } = await fleet(["broken"]);
	const fault = { plugin: "tester", version: "1.0.0", code: "initialize_failed", message: "no key", running: "0.9.0" };
	await (runtimes[0] as ScriptedRuntime).follows(await routeBucket(connection), [fault]);
	await control.admin.post("/api/v1/plugins/tester/disable");
	const answer = await control.admin.post<ProblemBody>("/api/v1/plugins/tester/enable?wait=applied");
	expect(answer).toMatchObject({
		status: 502,
		body: {
			code: "activation_failed",
			errors: [{ path: "/runtimes/broken", message: "initialize_failed: no key; version 0.9.0 goes on there" }],
		},
	});
	expect(answer.body.detail).toMatch(
		/stored as revision \d+.*runtime broken.*tester 1\.0\.0.*no key.*version 0\.9\.0 goes on there/,
	);
	const detail = await control.admin.get<PluginDetail>("/api/v1/plugins/tester");
	expect(detail.body.health).toMatchObject({
		status: "failing",
		faults: [{ runtime: "broken", code: "initialize_failed", running: "0.9.0" }],
	});
	disband(runtimes);
});

test("a fault of another plugin does not fail the change", async () => {
	const { connection, runtimes } = await fleet(["other"]);
	const fault = { plugin: "someone-else", version: "1.0.0", code: "load_failed", message: "x" };
	await (runtimes[0] as ScriptedRuntime).follows(await routeBucket(connection), [fault]);
	const answer = await toggle();
	expect(answer.status).toBe(200);
	expect(answer.body.applied?.runtimes).toMatchObject([{ id: "other", faults: [fault] }]);
	disband(runtimes);
});

test("a user's configuration that a runtime has not tried out yet is waited for, and fails the change only when it fails", async () => {
	const { runtimes } = await fleet(["trying"]);
	const runtime = runtimes[0] as ScriptedRuntime;
	const fault = { plugin: "tester", version: "1.0.0", code: "not_tried_yet", message: "in a moment", user: "ann" };
	const setOwn = (query: string) =>
		control.admin.put<PluginConfigChange & ProblemBody>(`/api/v1/plugins/tester/config?user=ann&wait=applied&${query}`, {
			config: {},
		});
	runtime.reports(1_000_000, [fault]);
	expect(await setOwn("waitMs=300")).toMatchObject({
		status: 504,
		body: {
			code: "not_applied_in_time",
			errors: [{ path: "/runtimes/trying", message: expect.stringContaining("has not tried out the configuration of user ann") }],
		},
	});
	for (const [faults, status] of [
		[[], 200],
		[[{ ...fault, code: "guest_error" }], 502],
	] as const) {
		runtime.reports(1_000_000, [fault]);
		const answering = setOwn("waitMs=20000");
		setTimeout(() => runtime.reports(1_000_000, [...faults]), 500);
		expect((await answering).status).toBe(status);
	}
	disband(runtimes);
});

test("a heartbeat under another name, or that is none, is ignored", async () => {
	const connection = await connectTo(nats.url);
	connection.publish("hookbus.v1.runtimes.victim.heartbeat", JSON.stringify({ spec: "1", runtime: "liar" }));
	connection.publish("hookbus.v1.runtimes.garbage.heartbeat", "not json");
	const runtime = new ScriptedRuntime(connection, "honest");
	await waitFor("the honest one is heard", async () => {
		const { items } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
		return items.some(({ id }) => id === "honest");
	});
	const { items } = (await control.admin.get<RuntimeFleet>("/api/v1/runtimes")).body;
	expect(items.map(({ id }) => id)).not.toEqual(expect.arrayContaining(["liar"]));
	expect(items.some(({ id }) => id === "victim" || id === "garbage")).toBe(false);
	disband([runtime]);
});

test("a control plane that just started does not take a fleet that it has not heard for an empty one", async () => {
	const connection = await connectTo(nats.url);
	const runtime = new ScriptedRuntime(connection, "unheard");
	runtime.die();
	const second = await startTestControlPlane({ natsUrl: nats.url });
	await second.admin.ready();
	const { zip } = await buildPackage();
	const installing = second.admin.install<PluginChange>(
		{ file: zip, fields: { grants: "all", enable: "true" } },
		"?wait=applied&waitMs=10000",
	);
	// Whatever number the change gets: the bus already holds a table of the other control plane.
	setTimeout(() => runtime.reports(1_000_000), 1_000);
	const answer = await installing;
	expect(answer.body.applied?.runtimes.map(({ id }) => id)).toContain("unheard");
	runtime.becomes("stopped");
});

test("stopping does not wait for those who wait", async (context) => {
	needsRealTime(context);
	const own = await startNats();
	const short = await startTestControlPlane({ natsUrl: own.url });
	await short.admin.ready();
	new ScriptedRuntime(await connectTo(own.url), "never");
	await waitFor("it is heard", async () => (await short.admin.get<RuntimeFleet>("/api/v1/runtimes")).body.items.length === 1);
	const { zip } = await buildPackage();
	const answering = short.admin.install({ file: zip }, "?wait=applied&waitMs=60000");
	await waitFor("the change is stored", async () => (await short.admin.get("/api/v1/plugins/tester")).status === 200);
	const started = performance.now();
	await short.stop();
	expect(performance.now() - started).toBeLessThan(5_000);
	expect((await answering).status).toBe(504);
});
