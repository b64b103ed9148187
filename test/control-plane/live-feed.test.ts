// The live feed, read as a browser would: what is stored comes once and in order, a reader that comes back goes on where it was,
// a slow one is told what it missed, and nobody holds up the stop.
import { get, type IncomingMessage } from "node:http";
import type { ApiKeyCreated, ExecutionRecord } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { closeAfter } from "../support/close-after.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { execution, publishExecutions } from "./execution-batches.js";
import { rows } from "./stored-names.js";

interface Sent {
	readonly id?: string;
	readonly event?: string;
	readonly data?: string;
}

/** A reader of the feed; what came is in `sent`. */
class Reader {
	readonly sent: Sent[] = [];
	comments = 0;
	ended = false;
	readonly response: IncomingMessage;
	#rest = "";

	constructor(response: IncomingMessage, paused: boolean) {
		this.response = response;
		response.setEncoding("utf8");
		response.on("end", () => {
			this.ended = true;
		});
		response.on("error", () => undefined);
		if (!paused) this.read();
	}

	read(): void {
		this.response.on("data", (text: string) => this.#take(text));
	}

	close(): void {
		this.response.destroy();
	}

	get lastId(): string {
		return this.sent.findLast(({ id }) => id !== undefined)?.id ?? "";
	}

	executions(): ExecutionRecord[] {
		return this.sent.filter(({ event }) => event === "execution").map(({ data }) => JSON.parse(data ?? "") as ExecutionRecord);
	}

	dropped(): number {
		const counts = this.sent
			.filter(({ event }) => event === "dropped")
			.map(({ data }) => JSON.parse(data ?? "") as { count: number });
		return counts.reduce((sum, { count }) => sum + count, 0);
	}

	#take(text: string): void {
		const pieces = (this.#rest + text).split("\n\n");
		this.#rest = pieces.pop() ?? "";
		for (const piece of pieces) {
			const fields = piece.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line) ?? ["", "", ""]);
			this.comments += fields.filter(([, name]) => name === "").length;
			this.sent.push(Object.fromEntries(fields.filter(([, name]) => name !== "").map(([, name, value]) => [name, value])));
		}
	}
}

interface Asked {
	readonly query?: string;
	readonly key?: string | undefined;
	readonly lastId?: string;
	readonly paused?: boolean;
}

/** Opens a feed and resolves when its first words are there; a paused one, when its head is. */
async function watch(control: StartedControlPlane, { query = "", key, lastId, paused = false }: Asked = {}): Promise<Reader> {
	const headers = {
		accept: "text/event-stream",
		authorization: `Bearer ${key ?? control.plane.firstKey}`,
		...(lastId === undefined ? {} : { "last-event-id": lastId }),
	};
	const response = await new Promise<IncomingMessage>((resolve, reject) => {
		get(`${control.url}/api/v1/plugin-executions/live?${query}`, { headers, agent: false }, resolve).on("error", reject);
	});
	expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
	const reader = new Reader(response, paused);
	closeAfter(() => reader.close());
	if (!paused) await waitFor("the feed says where it is", () => reader.sent.length > 0);
	return reader;
}

/** Stores a thousand executions of the plugin `flood`, 4 KB each, at once. */
async function flood({ plane }: StartedControlPlane, part: number): Promise<void> {
	const logs = JSON.stringify(Array.from({ length: 4 }, () => ({ level: "info", text: "x".repeat(1_000) })));
	await rows(
		plane.database,
		`INSERT INTO executions (tenant, event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome, started_at, duration_ms,
				input_bytes, output_bytes, attempt, runtime, revision, logs)
			SELECT 'default', 'flood-${part}-' || i, 'on_chat_message', '', 'flood', '1.0.0', repeat('a', 64), 'bot',
				'gate', 'enforce', 'ok', now(), 1, 1, 1, 1, 'r', 1, '${logs}'::jsonb FROM generate_series(1, 1000) i`,
	);
}

const names = (reader: Reader) => reader.executions().map(({ eventId }) => eventId);

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let connection: NatsConnection;

	beforeAll(async () => {
		({ control, connection } = await startOnBus({ databaseUrl: await create(), liveHeartbeatMs: 300 }));
	});

	test("new executions come once and in order, those of the filter only, and none of another tenant", async () => {
		await publishExecutions(connection, [execution({ eventId: "before", plugin: "live" })]);
		await waitFor(
			"it is stored",
			async () => (await rows(control.plane.database, "SELECT 1 FROM executions WHERE event_id = 'before'")).length > 0,
		);
		const all = await watch(control, { query: "plugin=live" });
		const failed = await watch(control, { query: "plugin=live&status=failed" });
		await publishExecutions(connection, [execution({ tenant: "other", eventId: "theirs", plugin: "live" })], "other");
		const sent = Array.from({ length: 250 }, (_, index) =>
			execution({
				eventId: `live-${index}`,
				plugin: index % 2 === 0 ? "live" : "dull",
				outcome: index % 10 === 0 ? "trap" : "ok",
			}),
		);
		for (let start = 0; start < sent.length; start += 50) await publishExecutions(connection, sent.slice(start, start + 50));
		const wanted = sent.filter(({ plugin }) => plugin === "live").map(({ eventId }) => eventId);
		await waitFor("all came", () => all.executions().length >= wanted.length);
		expect(names(all)).toEqual(wanted);
		const errors = sent.filter(({ outcome }) => outcome === "trap").map(({ eventId }) => eventId);
		await waitFor("the errors came", () => failed.executions().length >= errors.length);
		expect(names(failed)).toEqual(errors);
		const [shown] = all.executions();
		expect((await control.admin.get(`/api/v1/plugin-executions/${shown?.id}`)).body).toEqual(shown);
	});

	test("with Last-Event-ID the feed goes on behind it, also where nothing fitted the filter", async () => {
		const first = await watch(control, { query: "plugin=resumed" });
		await publishExecutions(connection, [execution({ eventId: "r-1", plugin: "resumed" })]);
		await waitFor("it came", () => names(first).length === 1);
		const afterFirst = first.lastId;
		await publishExecutions(connection, [execution({ eventId: "other-1", plugin: "not-resumed" })]);
		await waitFor("a heartbeat tells the new position", () => first.lastId !== afterFirst && first.comments > 0);
		const position = first.lastId;
		first.close();
		await publishExecutions(connection, [
			execution({ eventId: "r-2", plugin: "resumed" }),
			execution({ eventId: "r-3", plugin: "resumed" }),
		]);
		const second = await watch(control, { query: "plugin=resumed", lastId: position });
		await waitFor("what was missed came", () => names(second).length === 2);
		expect(names(second)).toEqual(["r-2", "r-3"]);
		// From the beginning of what is stored, and an id of the future, which is one of another database.
		expect(names(await watchUntil("r-3", { query: "plugin=resumed", lastId: "0" }))).toEqual(["r-1", "r-2", "r-3"]);
		const future = await watch(control, { query: "plugin=resumed", lastId: "9999999999999" });
		await publishExecutions(connection, [execution({ eventId: "r-4", plugin: "resumed" })]);
		await waitFor("what is new came", () => names(future).length === 1);
	});

	async function watchUntil(eventId: string, asked: Asked): Promise<Reader> {
		const reader = await watch(control, asked);
		await waitFor(`${eventId} came`, () => names(reader).includes(eventId));
		return reader;
	}

	test("a reader that does not read holds nothing up, and is told how many it missed", async () => {
		const slow = await watch(control, { query: "plugin=flood", paused: true });
		const quick = await watch(control, { query: "plugin=quick" });
		for (let part = 0; part < 6; part += 1) await flood(control, part);
		await publishExecutions(connection, [execution({ eventId: "meanwhile", plugin: "quick" })]);
		await waitFor("the quick one got its own", () => names(quick).length === 1);
		slow.read();
		await waitFor("the slow one has the present", () => names(slow).includes("flood-5-1000"));
		expect(slow.dropped()).toBeGreaterThan(2_000);
		expect(slow.dropped() + slow.executions().length).toBe(6_000);
		const metrics = await (await fetch(`${control.url}/metrics`, { headers: { connection: "close" } })).text();
		expect(metrics).toMatch(/hookbus_control_plane_live_executions_dropped_total [1-9]/);
	});

	test("a revoked key ends its feeds", async () => {
		const made = (await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "short", role: "viewer" })).body;
		const reader = await watch(control, { key: made.key });
		await waitFor("it beats", () => reader.comments > 0);
		await control.admin.delete(`/api/v1/api-keys/${made.apiKey.id}`);
		await waitFor("it has ended", () => reader.ended);
		expect(reader.sent.at(-1)).toEqual({ event: "end", data: '{"reason":"key_revoked"}' });
	});

	test("a tenant has 20 feeds at most; a closed one makes room", async () => {
		const readers = await Promise.all(Array.from({ length: 20 }, () => watch(control, { query: "plugin=nothing" })));
		const refused = await control.admin.call<ProblemBody>("GET", "/api/v1/plugin-executions/live", undefined, {
			accept: "text/event-stream",
		});
		expect(refused).toMatchObject({ status: 429, body: { code: "too_many_live_feeds" } });
		readers[0]?.close();
		await waitFor("there is room again", async () => {
			const metrics = await (await fetch(`${control.url}/metrics`, { headers: { connection: "close" } })).text();
			return /hookbus_control_plane_live_feeds 19\b/.test(metrics);
		});
		await watch(control, { query: "plugin=nothing" });
	});

	test.each([
		{ title: "without asking for an event stream", path: "", headers: {}, status: 406, code: "not_acceptable" },
		{ title: "with an id that is none", path: "", headers: { "last-event-id": "abc" }, status: 400, code: "request_invalid" },
		{ title: "with a filter that is none", path: "?status=broken", headers: {}, status: 400, code: "request_invalid" },
		{ title: "with a time", path: "?since=2026-01-01T00:00:00Z", headers: {}, status: 400, code: "request_invalid" },
	])("$title the answer is a problem", async ({ path, headers, status, code }) => {
		const accept = code === "not_acceptable" ? {} : { accept: "text/event-stream" };
		const answer = await control.admin.call("GET", `/api/v1/plugin-executions/live${path}`, undefined, {
			...accept,
			...headers,
		} as Record<string, string>);
		expect(answer).toMatchObject({ status, body: { code } });
	});
});

test("a stop ends every feed with its reason, and does not wait for one that nobody reads", async () => {
	const nats = await startNats();
	const control = await startTestControlPlane({ natsUrl: nats.url });
	await control.admin.ready();
	const readers = await Promise.all([watch(control), watch(control), watch(control, { paused: true })]);
	// More than sockets hold, so that the last one's feed waits for its reader.
	for (let part = 0; part < 3; part += 1) {
		await flood(control, part);
		await waitFor("the quick ones have it", () =>
			readers.slice(0, 2).every((reader) => names(reader).includes(`flood-${part}-1000`)),
		);
	}
	const begun = performance.now();
	await control.stop();
	expect(performance.now() - begun).toBeLessThan(8_000);
	for (const reader of readers.slice(0, 2)) {
		await waitFor("it has ended", () => reader.ended);
		expect(reader.sent.at(-1)).toEqual({ event: "end", data: '{"reason":"stopping"}' });
	}
});
