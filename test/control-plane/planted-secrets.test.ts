// A secret that an admin sets is nowhere in clear text, also while plugins run that give it away by mistake: not in the database, not
// on the bus, not in a log, not in an execution, a dead letter or the audit trail, and in no answer to anybody.
import { PLATFORM_ROUTES } from "@hookbus/control-plane";
import { API_ROLES, type ApiKeyCreated, type ExecutionPage, type PluginConfig, type PluginHistory } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, expect, test } from "vitest";
import type { ApiClient } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { SECRET_MANIFEST } from "../support/secret-plugin.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import type { StartedProcess } from "../support/start-process.js";
import { PATIENT, spawnRuntime } from "../support/start-runtime.js";
import { storedInFiles, storedInStreams, storedInTables, whereFound } from "../support/stored-everywhere.js";
import { type Told, tellingModule } from "../support/telling-module.js";
import { waitFor } from "../support/wait-for.js";
import { CLOSED_ROUTES, isFeed, NO_IDS, pathOf } from "./sample-call.js";
import { rows } from "./stored-names.js";

/** A reason code too, so that it could stand everywhere. */
const PLANTED = "planted_4f1c9a_secret";
/** What is looked for: a message that quotes the beginning of it only gives it away as well. */
const PART = "planted_4f";

const TELLING: Readonly<Record<string, Told>> = {
	"as-error": { before: "cannot reach it with ", after: "", asError: true },
	"as-result": { before: "", after: "" },
	"as-reason": { before: '{"action":"continue","reason":"', after: '"}' },
	"as-path": { before: '{"action":"modify","patch":{"', after: '":1}}' },
	"as-fault": { before: '{"action":"continue","reason":"', after: ' "}' },
};

let nats: StartedNats;
let control: StartedControlPlane;
let runtime: StartedProcess;
let connection: NatsConnection;

beforeAll(async () => {
	nats = await startNats();
	const env = { HOOKBUS_LOG_LEVEL: "debug" };
	control = await startTestControlPlane({ natsUrl: nats.url, env });
	await control.admin.ready();
	runtime = await spawnRuntime({ natsUrl: nats.url, id: "real", settings: { ...env, ...PATIENT } });
	connection = await connectTo(nats.url);
	for (const [name, told] of Object.entries(TELLING)) {
		const hooks = [{ hook: "on_chat_message", effect: "transform", paths: ["/messages"] }];
		const file = await zipOf(manifestOf(name, "1.0.0", hooks, SECRET_MANIFEST), await tellingModule(told));
		expect((await control.admin.install({ file, fields: { grants: "all" } })).status).toBe(201);
		expect((await control.admin.put(`/api/v1/plugins/${name}/config`, { config: { key: PLANTED } })).status).toBe(200);
		expect((await control.admin.post(`/api/v1/plugins/${name}/enable`)).status).toBe(200);
	}
	await waitFor("all plugins run", async () => {
		const { trail } = await ask(connection, chatEvent("hello", { tenant: "default" }));
		return trail.length === Object.keys(TELLING).length;
	});
	await waitFor("their executions are stored", async () => {
		const { body } = await control.admin.get<ExecutionPage>("/api/v1/plugin-executions?plugin=as-path");
		return body.items.length > 0;
	});
});

/** Calls that name the secret in every part of a request, and are refused or fail. */
async function refusedCalls(admin: ApiClient): Promise<void> {
	const path = "/api/v1/plugins/as-path/config";
	const good = { config: { key: PLANTED } };
	await admin.put(path, { config: { colour: { PLANTED } } });
	await admin.get(`/api/v1/plugins?status=${PLANTED}&${PLANTED}=1`);
	await admin.get(`/api/v1/${PLANTED}`);
	await admin.as(PLANTED).get("/api/v1/plugins");
	await admin.call("PUT", path, good, { "if-match": PLANTED });
	await admin.call("PUT", path, JSON.stringify(good), { "content-type": `text/${PLANTED}` });
	// The database refuses: what the driver says of the query goes into the log.
	const { database } = control.plane;
	await rows(database, "ALTER TABLE plugin_configs ADD CONSTRAINT refuse CHECK (plugin <> 'as-path') NOT VALID");
	expect((await admin.put(path, good)).status).toBe(500);
	await rows(database, "ALTER TABLE plugin_configs DROP CONSTRAINT refuse");
	await admin.put("/api/v1/assistants/bot/plugins/as-path", { config: { key: PLANTED } });
	await admin.post("/api/v1/assistants/bot/plugins", { plugin: "as-path", config: { key: PLANTED } });
	await admin.call("PUT", "/api/v1/plugins/as-path/config", `{"config":{"key":"${PLANTED}"`, {
		"content-type": "application/json",
	});
	await admin.call("PUT", "/api/v1/plugins/as-path/config", { config: { key: PLANTED } }, { "idempotency-key": "planted" });
}

test("SE-01 SE-03 a planted secret is in no table, stream, log, execution or file, whatever the plugins do with it", async () => {
	await refusedCalls(control.admin);
	await control.admin.post("/api/v1/keys/rotate", { dataKeys: true });
	await waitFor("the keys are rotated", async () =>
		JSON.stringify((await control.admin.get("/api/v1/keys")).body).includes('"done":true'),
	);
	const executions = await rows(
		control.plane.database,
		"SELECT plugin, outcome, error, reason, stripped, logs FROM executions ORDER BY plugin",
	);
	expect(new Set(executions.map(({ plugin }) => plugin))).toEqual(new Set(Object.keys(TELLING)));
	expect(JSON.stringify(executions)).toContain("[secret]");
	const tables = await storedInTables((query) => rows(control.plane.database, query));
	const streams = await storedInStreams(connection);
	expect(tables.map(({ where }) => where)).toEqual(
		expect.arrayContaining(["table executions", "table audit_log", "table idempotency_keys"]),
	);
	expect(streams.map(({ where }) => where)).toEqual(
		expect.arrayContaining(["stream KV_HOOKBUS_ROUTES", "stream OBJ_HOOKBUS_MODULES", "stream HOOKBUS_EXECUTIONS"]),
	);
	expect(whereFound([...tables, ...streams], PART)).toEqual([]);
	const logs = [
		{ where: "log of the control plane", text: control.logs() },
		{ where: "log of the runtime", text: runtime.output() },
	];
	for (const { text } of logs) expect(text.length).toBeGreaterThan(500);
	expect(whereFound(logs, PART)).toEqual([]);
	const files = storedInFiles(control.dataDir, nats.storeDir);
	expect(files.length).toBeGreaterThan(10);
	expect(whereFound(files, PART)).toEqual([]);
});

test("SE-05 no role gets a secret by any route, only that it is set", async () => {
	const feeds = CLOSED_ROUTES.filter((route) => isFeed(route)).map(({ route }) => route);
	for (const role of API_ROLES) {
		const { body } = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: role, role });
		const client = control.admin.as(body.key);
		for (const plugin of Object.keys(TELLING)) {
			const { body: config } = await client.get<PluginConfig>(`/api/v1/plugins/${plugin}/config`);
			expect(config.config).toEqual({ key: { set: true } });
		}
		const [execution] = (await client.get<ExecutionPage>("/api/v1/plugin-executions?plugin=as-error")).body.items;
		const ids = { ...NO_IDS, plugin: "as-error", assistant: "support", execution: String(execution?.id) };
		for (const route of CLOSED_ROUTES.filter(({ method, route }) => method === "GET" && !feeds.includes(route))) {
			const { status, body: answer } = await client.call("GET", pathOf(route, ids));
			expect(JSON.stringify(answer), `${role} ${route.route}`).not.toContain(PART);
			if (API_ROLES.indexOf(role) >= API_ROLES.indexOf(route.access) && !PLATFORM_ROUTES.has(route.route))
				expect(status).not.toBe(403);
		}
	}
	// What is answered to changes, to the kept answer of a repeated one, and to a way back.
	const history = (await control.admin.get<PluginHistory>("/api/v1/plugins/as-error/history")).body;
	const answers = [
		await control.admin.put("/api/v1/plugins/as-error/config", { config: { colour: "blue" } }),
		await control.admin.post("/api/v1/plugins/as-error/rollback", { revision: history.items[0]?.revision }),
		await control.admin.call(
			"PUT",
			"/api/v1/plugins/as-path/config",
			{ config: { key: PLANTED } },
			{ "idempotency-key": "planted" },
		),
	];
	for (const { status, body } of answers) {
		expect([status, JSON.stringify(body)]).toEqual([200, expect.not.stringContaining(PART)]);
	}
	const { body: explained } = await control.admin.get("/api/v1/assistants/support/explain");
	expect(JSON.stringify(explained)).not.toContain(PART);
});
