// Figures: what is counted when executions are stored says the same as the executions do, whatever comes twice, late or odd.
import {
	type AssistantMetrics,
	type Execution,
	type ExecutionPage,
	LATENCY_ERROR,
	type Outcome,
	type PluginFigures,
	type PluginMetrics,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { execution, publishExecutions } from "./execution-batches.js";

/** Numbers that look random and are the same in every run. */
function sequence(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
		return state / 2_147_483_648;
	};
}

const HOUR_MS = 3_600_000;
/** A whole hour, some hours ago. */
const BASE = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 6 * HOUR_MS;
const at = (hours: number) => new Date(BASE + hours * HOUR_MS).toISOString();
const near = (value: number) => expect.closeTo(value, -Math.log10(2 * value * LATENCY_ERROR));

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let api: ApiClient;
	let connection: NatsConnection;

	beforeAll(async () => {
		({ api, connection } = await startOnBus({ databaseUrl: await create() }));
	});

	async function store(executions: readonly Execution[]): Promise<void> {
		await publishExecutions(connection, executions);
		const last = executions.at(-1) as Execution;
		await waitFor("the last one is stored", async () => {
			const page = await api.get<ExecutionPage>(`/api/v1/plugin-executions?event=${last.eventId}&plugin=${last.plugin}`);
			return page.body.items.some(({ attempt }) => attempt === last.attempt);
		});
	}

	const metrics = async (query: string) => (await api.get<PluginMetrics>(`/api/v1/plugins/metrics?${query}`)).body;
	const ofAssistant = async (id: string, query = "") =>
		(await api.get<AssistantMetrics>(`/api/v1/assistants/${id}/metrics?${query}`)).body;

	test("calls, kinds of outcome, latency, cost and tokens, by plugin, by assistant and by the hour", async () => {
		const outcomes: Outcome[] = ["ok", "ok", "trap", "timeout", "denied", "load_failed", "over_budget", "ok"];
		await store(
			outcomes.flatMap((outcome, index) =>
				["first", "second"].map((plugin) =>
					execution({
						eventId: `kinds-${index}`,
						plugin,
						assistant: index < 4 ? "a-one" : "a-two",
						outcome,
						durationMs: index + 1,
						startedAt: at(index < 6 ? 0.5 : 2.5),
						usage: { cost: 0.125, inputTokens: 10, outputTokens: 1 },
					}),
				),
			),
		);
		const range = `since=${at(0)}&until=${at(4)}`;
		const found = await metrics(`plugin=first&${range}&bucket=hour`);
		const figures = {
			calls: 8,
			errors: 5,
			successRate: 3 / 8,
			outcomes: { ok: 3, failed: 1, configuration: 1, timeout: 1, denied: 1, refused: 1 },
			p50Ms: near(4),
			p95Ms: near(8),
			p99Ms: near(8),
			meanMs: 4.5,
			cost: 1,
			inputTokens: 80,
			outputTokens: 8,
		};
		const series = [
			expect.objectContaining({ start: at(0), calls: 6, errors: 4, cost: 0.75, p99Ms: near(6) }),
			expect.objectContaining({ start: at(2), calls: 2, errors: 1, p50Ms: near(7) }),
		];
		expect(found).toEqual({
			since: at(0),
			until: at(4),
			bucket: "hour",
			total: { ...figures, series },
			items: [{ plugin: "first", ...figures, series }],
		});
		const one = await ofAssistant("a-one", range);
		expect(one).toMatchObject({ assistant: "a-one", total: { calls: 8, errors: 4, cost: 1 } });
		expect(one.items.map(({ plugin, calls }) => [plugin, calls])).toEqual([
			["first", 4],
			["second", 4],
		]);
		expect((await metrics(`assistant=a-two&plugin=second&${range}`)).total).toMatchObject({ calls: 4, inputTokens: 40 });
		expect((await ofAssistant("a-one", `plugin=second&bucket=day&${range}`)).items[0]?.series?.[0]).toMatchObject({ calls: 4 });
		expect(await ofAssistant("nobody")).toMatchObject({ total: { calls: 0, successRate: 1, p99Ms: 0, cost: 0 }, items: [] });
	});

	test("whatever was stored, replaced or sent twice, stored figures are those of the executions", async () => {
		const random = sequence(7);
		const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
		const outcomes: Outcome[] = ["ok", "ok", "ok", "trap", "timeout", "denied", "incompatible", "rate_limited", "deferred"];
		const batch = (events: number): Execution[] =>
			Array.from({ length: 120 }, () =>
				execution({
					eventId: `mixed-${Math.floor(random() * events)}`,
					hook: "on_after_response",
					plugin: pick(["m-a", "m-b", "m-c"]),
					assistant: pick(["m-one", "m-two"]),
					outcome: pick(outcomes),
					attempt: 1 + Math.floor(random() * 4),
					durationMs: random() < 0.05 ? 0 : 10 ** (random() * 5 - 2),
					startedAt: at(random() * 5),
					...(random() < 0.5 ? {} : { usage: { cost: random(), inputTokens: Math.floor(random() * 500) } }),
				}),
			);
		for (let round = 0; round < 4; round += 1) await publishExecutions(connection, batch(60));
		await store([execution({ eventId: "mixed-last", plugin: "m-a", hook: "on_after_response", startedAt: at(1) })]);
		const whole = `since=${at(0)}&until=${at(6)}&bucket=hour`;
		const without = ({ items }: PluginMetrics) => items.filter(({ plugin }) => plugin.startsWith("m-"));
		for (const scope of ["", "&assistant=m-one", "&plugin=m-b", "&assistant=m-two&plugin=m-c"]) {
			const counted = await metrics(`${whole}${scope}&hook=on_after_response`);
			expect(without(await metrics(`${whole}${scope}`)), scope).toEqual(counted.items);
			expect(counted.items.length).toBeGreaterThan(0);
		}
		const sum = (items: readonly PluginFigures[]) => items.reduce((total, { calls }) => total + calls, 0);
		const counted = await metrics(`${whole}&hook=on_after_response`);
		expect(counted.total.calls).toBe(sum(counted.items));
		for (const { calls, outcomes: kinds } of counted.items) {
			expect(Object.values(kinds).reduce((total, kind) => total + kind, 0)).toBe(calls);
		}
	});

	test("latencies are within 2 % of the exact ones, over five orders of magnitude", async () => {
		const random = sequence(3);
		const durations = Array.from({ length: 400 }, () => 10 ** (random() * 5 - 1));
		await store(durations.map((durationMs, index) => execution({ eventId: `spread-${index}`, plugin: "spread", durationMs })));
		const exact = [...durations].sort((a, b) => a - b);
		const [found] = (await metrics("plugin=spread")).items;
		for (const [share, value] of [
			[0.5, found?.p50Ms],
			[0.95, found?.p95Ms],
			[0.99, found?.p99Ms],
		] as const) {
			const wanted = exact[share * durations.length - 1] as number;
			expect(Math.abs((value as number) / wanted - 1), `${share}`).toBeLessThanOrEqual(LATENCY_ERROR);
		}
	});

	test("other filters count the executions themselves", async () => {
		await store([
			execution({ eventId: "arms-1", plugin: "arms", version: "1.0.0", conversation: "c-9", user: "u-9" }),
			execution({ eventId: "arms-2", plugin: "arms", version: "2.0.0", outcome: "trap" }),
		]);
		expect((await metrics("plugin=arms&version=2.0.0")).items).toMatchObject([
			{ calls: 1, errors: 1, cost: 0, inputTokens: 0, outputTokens: 0 },
		]);
		expect((await metrics("conversation=c-9&bucket=minute")).items).toMatchObject([{ plugin: "arms", series: [{ calls: 1 }] }]);
		expect((await ofAssistant("bot", "user=u-9")).total).toMatchObject({ calls: 1, errors: 0 });
		expect((await metrics("plugin=arms&status=failed")).total).toMatchObject({ calls: 1, errors: 1 });
	});

	test("plugins come by page, in the order of their names", async () => {
		const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
		await store(names.map((plugin) => execution({ eventId: "paged", plugin, assistant: "paged" })));
		for (const query of ["limit=3", "limit=3&hook=on_chat_message"]) {
			const seen: string[] = [];
			let cursor = "";
			for (let pages = 0; pages < 9; pages += 1) {
				const page = await ofAssistant("paged", `${query}${cursor}`);
				expect(page.items.length).toBeLessThanOrEqual(3);
				expect(page.total.calls).toBe(7);
				seen.push(...page.items.map(({ plugin }) => plugin));
				if (page.next === undefined) break;
				cursor = `&cursor=${page.next}`;
			}
			expect(seen).toEqual(names);
		}
	});

	test("what a plugin says it used cannot keep other executions of its batch from being stored", async () => {
		await store([
			execution({ eventId: "greedy", plugin: "greedy", usage: { inputTokens: 1e300, outputTokens: 1e19, cost: 1e6 } }),
			execution({ eventId: "greedy-2", plugin: "greedy", usage: { cost: 1e6 }, durationMs: 1.7e308 }),
			execution({ eventId: "greedy", plugin: "innocent" }),
		]);
		expect((await metrics("plugin=innocent")).total.calls).toBe(1);
		expect((await metrics("plugin=greedy")).total).toMatchObject({ calls: 2, inputTokens: 1e9, cost: 2e6 });
	});

	test("AU-02 another tenant's calls are in nobody else's figures", async () => {
		await publishExecutions(connection, [execution({ tenant: "other", eventId: "theirs", plugin: "theirs" })], "other");
		await store([execution({ eventId: "ours", plugin: "ours" })]);
		for (const query of ["limit=200", "limit=200&hook=on_chat_message"]) {
			expect((await metrics(query)).items.map(({ plugin }) => plugin)).not.toContain("theirs");
		}
	});

	test.each([
		["bucket=week", "bucket"],
		["bucket=minute&since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z", "2 days"],
		["bucket=hour&since=2025-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "1500"],
		["since=2015-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "1500 days"],
		["hook=on_tool_call&since=2026-01-01T00:00:00Z&until=2026-01-09T00:00:00Z", "7 days"],
		["since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "before since"],
		["limit=0", "limit"],
		["unknown=1", "unknown"],
	])("?%s is refused and says why", async (query, why) => {
		for (const path of ["plugins/metrics", "assistants/bot/metrics"]) {
			const answer = await api.get<ProblemBody>(`/api/v1/${path}?${query}`);
			expect(answer).toMatchObject({ status: 400, body: { code: "request_invalid" } });
			expect(answer.body.detail).toContain(why);
		}
	});

	test("a cursor that nobody gave out is refused", async () => {
		expect(await api.get("/api/v1/plugins/metrics?cursor=abc")).toMatchObject({ status: 400, body: { code: "cursor_invalid" } });
	});
});
