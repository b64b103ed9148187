// Ten thousand generated queries of one tenant against a database that is full of another's rows: not one of those may show. The
// queries are made from the access policy and the OpenAPI document, so a route or a filter that somebody adds is tried as well.
import type { ApiKeyCreated, ExecutionPage, PluginMetrics, TenantCreated } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../fuzz/mutate.js";
import { buildPackage } from "../support/build-package.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { EACH_DATABASE } from "./each-database.js";
import { FOREIGN, fillTables } from "./fill-tables.js";
import { QueryMaker } from "./query-maker.js";
import { CLOSED_ROUTES, isFeed, type OpenApiDocument } from "./sample-call.js";
import { rows } from "./stored-names.js";

const NO_NATS = "nats://127.0.0.1:9";
/** Ten thousand in all. */
const QUERIES = { PGlite: 2_000, PostgreSQL: 8_000 };
/** Routes that answer only where an id of the caller's own is hit, or to the platform's admins. */
const NEEDS_AN_ID = /dead-letters|:id$|recordings\/:id|replays\/:id|rollouts|users$|marketplace\/plugins\/:name|v1\/keys$/;
/** Of each table, of the other tenant. */
const FOREIGN_ROWS = 20;
const OWN_EXECUTIONS = 7;
const AT_ONCE = 16;
const SEED = 20_261_125;

const execution = (tenant: string, index: number) =>
	`('${tenant}', 'own-${index}', 'on_chat_message', '', 'shared', '1.0.0', '${"d".repeat(64)}', 'shared', 'transform', 'enforce', 'ok', now(), 1, 1, 1, 1, 'rt', 1)`;

describe.each(EACH_DATABASE)("AU-03 on $kind", ({ kind, create }) => {
	test(`${QUERIES[kind]} generated queries and live feeds show none of another tenant's rows`, { timeout: 300_000 }, async () => {
		const control = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: await create(), liveHeartbeatMs: 100 });
		const { admin: platform, plane } = control;
		const keyOf = async (id: string) => (await platform.post<TenantCreated>("/api/v1/tenants", { id })).body.key;
		const acme = await keyOf("acme");
		const globex = platform.as(await keyOf("globex"));
		const { zip } = await buildPackage({ name: "shared" });
		expect(await globex.install({ file: zip, fields: { grants: "all", enable: "true" } })).toMatchObject({ status: 201 });
		expect((await globex.post("/api/v1/assistants/shared/plugins", { plugin: "shared" })).status).toBe(201);
		const own = Array.from({ length: OWN_EXECUTIONS }, (_, index) => execution("globex", index));
		await rows(
			plane.database,
			`INSERT INTO executions (tenant, event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome, started_at,
				duration_ms, input_bytes, output_bytes, attempt, runtime, revision) VALUES ${own.join(", ")}`,
		);
		await fillTables(plane.database, "acme", FOREIGN_ROWS);
		// Positions in the other tenant's lists, as a caller could have got hold of.
		const seen = await plane.app.inject({
			method: "GET",
			url: "/api/v1/plugin-executions?limit=2",
			headers: { authorization: `Bearer ${acme}` },
		});
		expect(seen.body).toContain(FOREIGN);
		const { next } = seen.json<ExecutionPage>();
		const ids = await rows(
			plane.database,
			"SELECT id::text FROM executions WHERE tenant = 'acme' UNION ALL SELECT id::text FROM recalls",
		);

		const { body: document } = await platform.get<OpenApiDocument>("/openapi.json");
		const routes = CLOSED_ROUTES.filter((route) => route.method === "GET" && !isFeed(route) && route.path !== "/api/v1/tenants");
		const words = [
			"shared",
			"own-1",
			`${FOREIGN}-acme-plugin-1`,
			`${FOREIGN}-acme-user-2`,
			`${FOREIGN}-acme-conversation-3`,
			"acme",
			"*",
		];
		const maker = new QueryMaker(document, routes, {
			random: randomFrom(SEED + kind.length),
			words: [...words, "shared", "shared", "shared", "%", "' OR '1'='1", "shared' OR tenant <> '"],
			ids: ids.map(({ id }) => String(id)),
			cursors: next === undefined ? [] : [next],
		});
		const { body: member } = await globex.post<ApiKeyCreated>("/api/v1/api-keys", { name: "own", role: "admin" });
		const headers = { authorization: `Bearer ${member.key}` };
		const answered = new Map<string, number>();
		let shown = 0;
		const ask = async (): Promise<void> => {
			const { route, url, values } = maker.next();
			const { statusCode, body } = await plane.app.inject({ method: "GET", url, headers });
			// What the caller wrote comes back in problems and in some answers.
			const written = [...values].sort((a, b) => b.length - a.length);
			const rest = written.reduce((text, value) => text.replaceAll(JSON.stringify(value).slice(1, -1), ""), body);
			if (rest.includes(FOREIGN)) expect.fail(`${url} shows a foreign row: ${body.slice(0, 500)}`);
			if (statusCode >= 500 && !body.includes("bus_unavailable"))
				expect.fail(`${url} answers ${statusCode}: ${body.slice(0, 500)}`);
			if (statusCode !== 200) return;
			answered.set(route, (answered.get(route) ?? 0) + 1);
			const { total } = JSON.parse(body) as Partial<PluginMetrics>;
			if (total !== undefined) expect(total.calls, url).toBeLessThanOrEqual(OWN_EXECUTIONS);
			if (body.includes("own-")) shown += 1;
		};
		for (let asked = 0; asked < QUERIES[kind]; asked += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, ask));

		// The queries are worth something: most routes answer, and the own rows show.
		expect(shown).toBeGreaterThan(1);
		const silent = routes.filter(({ route }) => !answered.has(route)).map(({ route }) => route);
		expect(silent.filter((route) => !NEEDS_AN_ID.test(route))).toEqual([]);

		const feeds = await Promise.all(
			Array.from({ length: 12 }, async () => {
				const url = maker.urlOf(CLOSED_ROUTES.filter(isFeed));
				const reader = new AbortController();
				const response = await fetch(`${control.url}${url}`, {
					signal: reader.signal,
					headers: { ...headers, accept: "text/event-stream", connection: "close", "last-event-id": "0" },
				});
				let text = "";
				for await (const chunk of response.body ?? []) {
					text += Buffer.from(chunk).toString("utf8");
					if (text.includes(": still here")) break;
				}
				reader.abort();
				return { status: response.status, text };
			}),
		);
		expect(feeds.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
		for (const { status, text } of feeds) if (status === 200) expect(text).not.toContain(FOREIGN);
	});
});
