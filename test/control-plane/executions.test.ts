// Executions: from the stream into the database, once each, and out again by page and as figures.
import { createHash } from "node:crypto";
import {
	EXECUTION_CONSUMER,
	EXECUTION_STREAM,
	type ExecutionPage,
	type ExecutionRecord,
	executionSubject,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { connectTo } from "../support/connect.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startOnBus } from "../support/start-on-bus.js";
import { startPostgres } from "../support/start-postgres.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { execution, publishExecutions } from "./execution-batches.js";
import { rows } from "./stored-names.js";

/** Messages that are still in the stream, acknowledged ones gone. */
async function left(connection: NatsConnection): Promise<number> {
	const manager = await connection.jetstreamManager();
	return (await manager.streams.info(EXECUTION_STREAM)).state.messages;
}

async function stored(api: ApiClient, query = ""): Promise<ExecutionRecord[]> {
	return (await api.get<ExecutionPage>(`/api/v1/plugin-executions?limit=200${query}`)).body.items;
}

async function metric(control: StartedControlPlane, line: RegExp): Promise<number> {
	const text = await (await fetch(`${control.url}/metrics`, { headers: { connection: "close" } })).text();
	return Number(line.exec(text)?.[1] ?? 0);
}

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let connection: NatsConnection;

	beforeAll(async () => {
		({ control, api, connection } = await startOnBus({ databaseUrl: await create() }));
	});

	test("an execution is stored as it was sent, and taken off the stream", async () => {
		const sent = execution({
			eventId: "whole",
			phase: "result",
			hook: "on_tool_call",
			conversation: "c-1",
			user: "u-1",
			action: "modify",
			paths: ["/result/content"],
			stripped: ["/call"],
			usage: { inputTokens: 3, cost: 0.25 },
			logs: [{ level: "warn", text: "careful" }],
			logsDropped: 2,
			skipped: true,
			error: "e",
			reason: "r",
		});
		await publishExecutions(connection, [sent]);
		const [record] = await waitFor("it is stored", async () => {
			const found = await stored(api, "&event=whole");
			return found.length === 1 ? found : undefined;
		});
		const { id, ...rest } = record as ExecutionRecord;
		expect(rest).toEqual({ ...sent, status: "ok" });
		expect((await api.get(`/api/v1/plugin-executions/${id}`)).body).toEqual(record);
		await waitFor("it is acknowledged", async () => (await left(connection)) === 0);
	});

	test("the same execution again changes nothing; a later delivery of the event replaces it", async () => {
		const first = execution({ eventId: "again", hook: "on_after_response", effect: "observe", outcome: "timeout", attempt: 1 });
		await publishExecutions(connection, [first, first]);
		await publishExecutions(connection, [first]);
		await publishExecutions(connection, [{ ...first, outcome: "ok", attempt: 2, durationMs: 9 }]);
		await publishExecutions(connection, [{ ...first, outcome: "trap", attempt: 1 }]);
		await waitFor("all are taken", async () => (await left(connection)) === 0);
		const found = await stored(api, "&event=again");
		expect(found).toMatchObject([{ outcome: "ok", attempt: 2, durationMs: 9 }]);
	});

	test("hook, phase and plugin make executions of one event different", async () => {
		await publishExecutions(connection, [
			execution({ eventId: "many" }),
			execution({ eventId: "many", plugin: "other" }),
			execution({ eventId: "many", hook: "on_tool_call", phase: "request" }),
			execution({ eventId: "many", hook: "on_tool_call", phase: "result" }),
		]);
		await waitFor("all four are stored", async () => (await stored(api, "&event=many")).length === 4);
	});

	test("filters and pages", async () => {
		const batch = Array.from({ length: 25 }, (_, index) =>
			execution({
				eventId: `page-${index}`,
				plugin: "paged",
				assistant: index % 2 === 0 ? "even" : "odd",
				conversation: `c-${index % 5}`,
				outcome: index % 10 === 0 ? "trap" : "ok",
				startedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString(),
			}),
		);
		await publishExecutions(connection, batch);
		await waitFor("all are stored", async () => (await stored(api, "&plugin=paged")).length === 25);
		const count = async (query: string) => (await stored(api, `&plugin=paged&${query}`)).length;
		expect(await count("assistant=even")).toBe(13);
		expect(await count("conversation=c-3")).toBe(5);
		expect(await count("outcome=trap")).toBe(3);
		expect(await count("hook=on_tool_call")).toBe(0);
		expect(await count("since=2026-01-01T00:00:10Z")).toBe(15);
		expect(await count("since=2026-01-01T00:00:10Z&until=2026-01-01T00:00:12Z")).toBe(2);
		expect(await count("since=2026-01-01T01:00:10%2B01:00")).toBe(15);
		const seen: string[] = [];
		let cursor = "";
		for (let pages = 0; pages < 10; pages += 1) {
			const page = (await api.get<ExecutionPage>(`/api/v1/plugin-executions?plugin=paged&limit=10${cursor}`)).body;
			seen.push(...page.items.map(({ eventId }) => eventId));
			if (page.next === undefined) break;
			cursor = `&cursor=${page.next}`;
			// What arrives in between does not disturb the pages.
			await publishExecutions(connection, [execution({ eventId: `late-${pages}`, plugin: "paged" })]);
		}
		expect(seen).toEqual(batch.map(({ eventId }) => eventId).reverse());
	});

	test("filters by user, version, kind of outcome and time", async () => {
		const kinds = ["ok", "trap", "bad_output", "load_failed", "timeout", "denied", "rate_limited", "breaker_open"] as const;
		const batch = kinds.map((outcome, index) =>
			execution({
				eventId: `kind-${index}`,
				plugin: "sorted",
				outcome,
				user: index < 3 ? "u-low" : "u \u0000",
				version: index === 0 ? "2.0.0" : "1.0.0",
				startedAt: new Date(Date.UTC(2026, 1, 1, 0, index)).toISOString(),
			}),
		);
		await publishExecutions(connection, batch);
		await waitFor("all are stored", async () => (await stored(api, "&plugin=sorted")).length === kinds.length);
		const found = async (query: string) => (await stored(api, `&plugin=sorted&${query}`)).map(({ outcome }) => outcome).reverse();
		expect(await found("status=ok")).toEqual(["ok"]);
		expect(await found("status=failed")).toEqual(["trap", "bad_output"]);
		expect(await found("status=configuration")).toEqual(["load_failed"]);
		expect(await found("status=timeout")).toEqual(["timeout"]);
		expect(await found("status=denied")).toEqual(["denied"]);
		expect(await found("status=refused")).toEqual(["rate_limited", "breaker_open"]);
		expect(await found("status=not_ok")).toEqual(kinds.slice(1));
		expect(await found("status=pending")).toEqual([]);
		expect(await found("status=ok&outcome=trap")).toEqual([]);
		expect(await found("user=u-low")).toEqual(kinds.slice(0, 3));
		// Found as it was sent, although a character of it cannot be stored.
		expect(await found("user=u%20%00")).toEqual(kinds.slice(3));
		expect(await found("version=2.0.0")).toEqual(["ok"]);
		expect(await found("status=not_ok&since=2026-02-01T00:02:00Z&until=2026-02-01T00:04:00Z")).toEqual([
			"bad_output",
			"load_failed",
		]);
		const [first] = await stored(api, "&plugin=sorted&status=refused");
		expect(first).toMatchObject({ outcome: "breaker_open", status: "refused" });
	});

	test.each([
		"status=broken",
		"outcome=fine",
		"user=",
		"version=latest",
		"since=2026-13-01T00:00:00Z",
		"until=0000-01-01T00:00:00Z",
		"since=yesterday",
		"since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
		"limit=0",
		"limit=201",
		"nonsense=1",
	])("?%s is refused with its place", async (query) => {
		const answer = await api.get<ProblemBody>(`/api/v1/plugin-executions?${query}`);
		expect(answer).toMatchObject({ status: 400, body: { code: "request_invalid" } });
		expect(answer.body.detail).toContain(/^\w+/.exec(query.split("&").at(-1) ?? "")?.[0]);
	});

	test("a cursor that nobody gave out is refused", async () => {
		for (const cursor of [
			"abc",
			Buffer.from("e1:0").toString("base64url"),
			Buffer.from("e1:9999999999999999").toString("base64url"),
		]) {
			expect(await api.get(`/api/v1/plugin-executions?cursor=${cursor}`)).toMatchObject({
				status: 400,
				body: { code: "cursor_invalid" },
			});
		}
	});

	test("what is no batch is counted, named in the log by its digest, and taken off the stream", async () => {
		const refusals = () => metric(control, /execution_batches_refused_total\{reason="invalid"\} (\d+)/);
		const before = await refusals();
		const poison = "not a batch, but with private words";
		await connection.jetstream().publish(executionSubject("default"), poison);
		await connection
			.jetstream()
			.publish(executionSubject("default"), JSON.stringify({ spec: "1", executions: [{ plugin: "half" }] }));
		await connection
			.jetstream()
			.publish(executionSubject("default"), JSON.stringify({ spec: "1", executions: [execution({ startedAt: "yesterday" })] }));
		await publishExecutions(connection, [execution({ eventId: "after-poison" })]);
		await waitFor("the good one behind them is stored", async () => (await stored(api, "&event=after-poison")).length === 1);
		await waitFor("nothing is left", async () => (await left(connection)) === 0);
		expect((await refusals()) - before).toBe(3);
		expect(control.logs()).toContain(createHash("sha256").update(poison).digest("hex"));
		expect(control.logs()).not.toContain("private words");
	});

	test("BB-03 a batch that names another tenant than its subject is refused whole", async () => {
		await publishExecutions(connection, [execution({ eventId: "foreign", tenant: "other" })]);
		await waitFor("it is taken", async () => (await left(connection)) === 0);
		expect(await stored(api, "&event=foreign")).toEqual([]);
		expect(await rows(control.plane.database, "SELECT 1 FROM executions WHERE tenant = 'other'")).toEqual([]);
		expect(await metric(control, /execution_batches_refused_total\{reason="tenant"\} (\d+)/)).toBe(1);
	});

	test("texts that the database cannot store are stored with a replacement character", async () => {
		await publishExecutions(connection, [
			execution({ eventId: "odd", error: "zero \u0000 and half \ud800", logs: [{ level: "info", text: "\u0000" }] }),
		]);
		const [found] = await waitFor("it is stored", async () => {
			const records = await stored(api, "&event=odd");
			return records.length === 1 ? records : undefined;
		});
		expect(found).toMatchObject({ error: "zero \ufffd and half \ufffd", logs: [{ text: "\ufffd" }] });
	});

	test("a batch that the database refuses is given up alone, the others of the same pull are stored", async () => {
		// An integer that the schema allows and the column does not hold.
		await publishExecutions(connection, [execution({ eventId: "too-big", inputBytes: 3_000_000_000 })]);
		await publishExecutions(connection, [execution({ eventId: "beside-it" })]);
		await waitFor("the good one is stored", async () => (await stored(api, "&event=beside-it")).length === 1);
		await waitFor("nothing is left", async () => (await left(connection)) === 0);
		expect(await stored(api, "&event=too-big")).toEqual([]);
		expect(await metric(control, /execution_batches_refused_total\{reason="data"\} (\d+)/)).toBe(1);
	});

	test("an execution that does not exist is 404, another tenant's too", async () => {
		expect(await api.get("/api/v1/plugin-executions/999999999")).toMatchObject({
			status: 404,
			body: { code: "execution_not_found" },
		});
		const columns =
			"event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome, started_at, duration_ms, input_bytes, output_bytes, attempt, runtime, revision";
		const [foreign] = await rows(
			control.plane.database,
			`INSERT INTO executions (tenant, ${columns}) SELECT 'stranger', ${columns} FROM executions LIMIT 1 RETURNING id`,
		);
		expect((await api.get(`/api/v1/plugin-executions/${String(foreign?.["id"])}`)).status).toBe(404);
	});
});

test("executions past their retention are deleted, the others stay", async () => {
	const nats = await startNats();
	const first = await startTestControlPlane({ natsUrl: nats.url });
	await first.admin.ready();
	const connection = await connectTo(nats.url);
	const days = (count: number) => new Date(Date.now() - count * 86_400_000).toISOString();
	await publishExecutions(connection, [
		execution({ eventId: "old", startedAt: days(8) }),
		execution({ eventId: "young", startedAt: days(6) }),
	]);
	await waitFor("both are stored", async () => (await stored(first.admin)).length === 2);
	await first.stop();
	const second = await startTestControlPlane({
		natsUrl: nats.url,
		dataDir: first.dataDir,
		env: { HOOKBUS_EXECUTION_RETENTION_DAYS: "7" },
	});
	const api = second.admin.as(first.plane.firstKey);
	const found = await waitFor("the old one is gone", async () => {
		const records = await stored(api);
		return records.length === 1 ? records : undefined;
	});
	expect(found[0]?.eventId).toBe("young");
});

test("while the database is down executions stay in the stream, and come in once when it is back", async () => {
	const nats = await startNats();
	const postgres = await startPostgres();
	const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await postgres.createDatabase() });
	await control.admin.ready();
	const connection = await connectTo(nats.url);
	await postgres.stop();
	await publishExecutions(
		connection,
		Array.from({ length: 50 }, (_, index) => execution({ eventId: `down-${index}` })),
	);
	await waitFor("it was delivered and not acknowledged", async () => {
		const info = await (await connection.jetstreamManager()).consumers.info(EXECUTION_STREAM, EXECUTION_CONSUMER);
		return info.num_redelivered > 0 || info.num_ack_pending > 0;
	});
	expect(await left(connection)).toBe(1);
	await postgres.restart();
	await waitFor("all are stored", async () => (await stored(control.admin)).length === 50);
	await waitFor("nothing is left", async () => (await left(connection)) === 0);
});
