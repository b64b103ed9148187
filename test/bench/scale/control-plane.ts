// What a control plane answers for a large tenant on PostgreSQL, and what a change of one binding costs there.
import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { readControlPlaneSettings, startControlPlane } from "@hookbus/control-plane";
import { ROUTE_BUCKET } from "@hookbus/schemas";
import pino from "pino";
import postgres from "postgres";
import { everyHookModule } from "../../support/large-tables.js";
import { startPostgresUnclosed } from "../../support/start-postgres.js";
import type { BenchBus } from "../bench-bus.js";
import { median } from "../measure.js";
import { DAYS, fillDatabase, type Size } from "./fill-database.js";

/** Calls of each question. */
const CALLS = 40;
/** Changes that are measured. */
const CHANGES = 9;

export interface ControlPlaneFigures {
	/** Milliseconds by what was asked. */
	readonly answers: Readonly<Record<string, { readonly p50: number; readonly p95: number }>>;
	/** Milliseconds of one change of a binding, with everything that it compiles. */
	readonly changeP50Ms: number;
	/** Milliseconds of processor that the control plane's process used for one, on all its threads. */
	readonly changeCpuMs: number;
	/** Longest standstill of the process while changes were made, in milliseconds. */
	readonly changePauseMs: number;
	/** From the first change until every module and a table were on the bus, in milliseconds. */
	readonly firstPublishedMs: number;
}

export async function measureControlPlane(bus: BenchBus, size: Size, say: (text: string) => void): Promise<ControlPlaneFigures> {
	const { server, close } = await startPostgresUnclosed();
	const databaseUrl = await server.createDatabase();
	const plane = await startControlPlane({
		settings: readControlPlaneSettings({
			HOOKBUS_NATS_URL: bus.url,
			HOOKBUS_DATA_DIR: bus.directory("control-plane"),
			HOOKBUS_MASTER_KEY: randomBytes(32).toString("base64"),
			HOOKBUS_HTTP_PORT: "0",
			HOOKBUS_DATABASE_URL: databaseUrl,
			HOOKBUS_RATE_LIMIT_PER_KEY: "0",
			// A fill that still writes its pages back must not be taken for a database that is gone.
			HOOKBUS_DATABASE_TIMEOUT_MS: "60000",
			HOOKBUS_RATE_LIMIT_PER_ADDRESS: "0",
		}),
		logger: pino({ level: "silent" }),
		print: () => undefined,
		onFatal: (thrown) => {
			throw thrown;
		},
	});
	const sql = postgres(databaseUrl, { onnotice: () => undefined });
	try {
		say(`filling a database with ${size.plugins} plugins and ${size.executions} executions …`);
		await fillDatabase(sql, size, await everyHookModule());
		const call = async (method: string, path: string, body?: unknown): Promise<void> => {
			const response = await fetch(`${plane.url}${path}`, {
				method,
				headers: {
					authorization: `Bearer ${plane.firstKey}`,
					...(body === undefined ? {} : { "content-type": "application/json" }),
				},
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
			const text = await response.text();
			if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
		};
		say("asking …");
		const answers: Record<string, { p50: number; p95: number }> = {};
		for (const [name, path] of Object.entries(QUESTIONS)) {
			const took: number[] = [];
			for (let turn = 0; turn < CALLS; turn += 1) {
				const started = performance.now();
				await call("GET", path(turn));
				took.push(performance.now() - started);
			}
			const sorted = took.toSorted((a, b) => a - b);
			answers[name] = { p50: round(median(took)), p95: round(sorted[Math.ceil(CALLS * 0.95) - 1] ?? 0) };
		}
		say("changing …");
		const change = (turn: number) => call("PUT", `/api/v1/assistants/assistant-${turn + 1}/plugins/plugin-500`, { order: turn });
		// The first one also brings the modules to the bus.
		const firstChange = performance.now();
		await change(0);
		const routes = await bus.connection.jetstream().views.kv(ROUTE_BUCKET);
		while ((await routes.get("default")) === null) await new Promise((resolve) => setTimeout(resolve, 100));
		const firstPublishedMs = round(performance.now() - firstChange);
		const changes: number[] = [];
		const delay = monitorEventLoopDelay({ resolution: 1 });
		delay.enable();
		const before = process.cpuUsage();
		for (let turn = 1; turn <= CHANGES; turn += 1) {
			const started = performance.now();
			await change(turn);
			changes.push(performance.now() - started);
		}
		delay.disable();
		const used = process.cpuUsage(before);
		return {
			answers,
			changeP50Ms: round(median(changes)),
			changeCpuMs: round((used.user + used.system) / 1_000 / CHANGES),
			changePauseMs: round(delay.max / 1e6),
			firstPublishedMs,
		};
	} finally {
		await sql.end();
		await plane.stop();
		await close();
	}
}

const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const EXECUTIONS = "/api/v1/plugin-executions";

/** Each for another one of the plugins, assistants and so on in each turn. */
const QUESTIONS: Readonly<Record<string, (turn: number) => string>> = {
	"plugins: first page": () => "/api/v1/plugins?limit=100",
	"plugins: by tag": (turn) => `/api/v1/plugins?tag=tag-${turn}&limit=100`,
	"plugins: by status": () => "/api/v1/plugins?status=disabled&limit=100",
	"plugins: text": (turn) => `/api/v1/plugins?text=number%2077${turn}&limit=100`,
	"plugin: detail": (turn) => `/api/v1/plugins/plugin-${turn * 10 + 1}`,
	"explain: assistant": (turn) => `/api/v1/assistants/assistant-${turn + 1}/explain`,
	"bindings: assistant": (turn) => `/api/v1/assistants/assistant-${turn + 1}/plugins`,
	"metrics: plugins, day": () => "/api/v1/plugins/metrics",
	"metrics: plugins, 30 days": () => `/api/v1/plugins/metrics?since=${ago(DAYS)}`,
	"metrics: assistant, day": (turn) => `/api/v1/assistants/assistant-${turn + 1}/metrics`,
	"metrics: assistant, 30 days": (turn) => `/api/v1/assistants/assistant-${turn + 1}/metrics?since=${ago(DAYS)}`,
	"executions: newest": () => EXECUTIONS,
	"executions: plugin": (turn) => `${EXECUTIONS}?plugin=plugin-${turn * 10 + 1}`,
	"executions: assistant": (turn) => `${EXECUTIONS}?assistant=assistant-${turn + 1}`,
	"executions: conversation": (turn) => `${EXECUTIONS}?conversation=conversation-${turn * 100}`,
	"executions: user": (turn) => `${EXECUTIONS}?user=user-${turn * 100}`,
	"executions: not ok": () => `${EXECUTIONS}?status=not_ok`,
	"executions: event": (turn) => `${EXECUTIONS}?event=event-${turn * 1_000 + 1}`,
	"executions: version": () => `${EXECUTIONS}?version=2.0.0`,
	"executions: hook": () => `${EXECUTIONS}?hook=on_tool_call`,
	"executions: outcome": () => `${EXECUTIONS}?outcome=trap`,
	"executions: an old day": () => `${EXECUTIONS}?since=${ago(DAYS - 2)}&until=${ago(DAYS - 3)}`,
	"executions: an old hour": () => `${EXECUTIONS}?since=${ago(20)}&until=${ago(20 - 1 / 24)}`,
	"executions: plugin on an old day": (turn) =>
		`${EXECUTIONS}?plugin=plugin-${turn * 10 + 1}&since=${ago(DAYS - 2)}&until=${ago(DAYS - 3)}`,
	"executions: not ok on an old day": () => `${EXECUTIONS}?status=not_ok&since=${ago(DAYS - 2)}&until=${ago(DAYS - 3)}`,
};

function round(ms: number): number {
	return Math.round(ms * 10) / 10;
}
