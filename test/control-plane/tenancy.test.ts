// Two tenants over real HTTP: every route of the policy table, with every role, on what belongs to the other tenant. What is
// called is made from the table and the OpenAPI document, so no route can be forgotten here.
import { accessOf, PLATFORM_ROUTES } from "@hookbus/control-plane";
import {
	API_ROLES,
	type ApiKeyCreated,
	type ApiKeyList,
	type ApiRole,
	eventSubject,
	RECORDED_SUBJECT_HEADER,
	type RecallChange,
	type RecordingChange,
	type RolloutChange,
	recordedSubject,
	type TenantCreated,
} from "@hookbus/schemas";
import { headers } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { Answer, ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { buryLetter } from "../support/bury-letter.js";
import { connectTo } from "../support/connect.js";
import { makeSigner } from "../support/make-signer.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import {
	bodySchema,
	CLOSED_ROUTES,
	type Ids,
	isFeed,
	NO_IDS,
	namesOwned,
	type OpenApiDocument,
	pathOf,
	type Route,
	sampleOf,
	takesForm,
} from "./sample-call.js";
import { rows } from "./stored-names.js";

/** Stands in the name of everything that the owner has. */
const MARK = "owned-by-acme";
const NOWHERE = NO_IDS;

let control: StartedControlPlane;
let document: OpenApiDocument;
let owned: Ids;
let owner: ApiClient;
const strangers = new Map<ApiRole, ApiClient>();
const zips = new Map<string, Buffer>();

async function tenantWithKeys(id: string): Promise<Map<ApiRole, ApiClient>> {
	const created = await control.admin.post<TenantCreated>("/api/v1/tenants", { id });
	expect(created.status).toBe(201);
	const admin = control.admin.as(created.body.key);
	const clients = new Map<ApiRole, ApiClient>();
	for (const role of API_ROLES) {
		const { body } = await admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: `${id} ${role}`, role });
		clients.set(role, control.admin.as(body.key));
	}
	return clients;
}

beforeAll(async () => {
	const nats = await startNats();
	control = await startTestControlPlane({ natsUrl: nats.url });
	document = (await control.admin.get<OpenApiDocument>("/openapi.json")).body;
	owner = (await tenantWithKeys("acme")).get("admin") as ApiClient;
	for (const [role, client] of await tenantWithKeys("globex")) strangers.set(role, client);
	for (const name of [MARK, NOWHERE.plugin, "theirs"]) zips.set(name, (await buildPackage({ name, version: "9.0.0" })).zip);
	const first = await buildPackage({ name: MARK });
	expect(await owner.install({ file: first.zip, fields: { grants: "all", enable: "true" } })).toMatchObject({ status: 201 });
	await owner.post("/api/v1/assistants/helpdesk/plugins", { plugin: MARK });
	const key = await owner.post<ApiKeyCreated>("/api/v1/api-keys", { name: MARK, role: "viewer" });
	const [execution] = await rows(
		control.plane.database,
		`INSERT INTO executions (id, tenant, event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome, started_at,
			duration_ms, input_bytes, output_bytes, attempt, runtime, revision)
		OVERRIDING SYSTEM VALUE VALUES (123456789, 'acme', '${MARK}', 'on_chat_message', '', '${MARK}', '1.0.0', '${"d".repeat(64)}', '${MARK}', 'transform', 'enforce', 'ok', now(), 1, 1, 1, 1, 'rt', 1)
		RETURNING id`,
	);
	// Of the user whom the walk names, as everybody may: a user is only a word that every tenant may use.
	await rows(
		control.plane.database,
		`INSERT INTO user_configs (tenant, plugin, "user", config, secrets, by) VALUES ('acme', '${MARK}', ':user', '{}', '{}', '${MARK}')`,
	);
	const { publicKey, keyId } = makeSigner();
	await owner.post("/api/v1/trusted-publishers", { name: MARK, publicKey });
	const recall = await owner.post<RecallChange>("/api/v1/recalls", { digest: "f".repeat(64), reason: MARK });
	const second = await buildPackage({ name: MARK, version: "1.1.0" });
	expect((await owner.update(MARK, { file: second.zip }, "?activate=false")).status).toBe(200);
	const rollout = await owner.post<RolloutChange>(`/api/v1/plugins/${MARK}/rollouts`, { version: "1.1.0", percentage: 5 });
	expect(rollout.status).toBe(201);
	const recording = await owner.post<RecordingChange>("/api/v1/recordings", { assistant: MARK });
	expect(recording.status).toBe(201);
	const recorded = headers();
	recorded.set(RECORDED_SUBJECT_HEADER, eventSubject({ tenant: "acme", hook: "on_chat_message", assistant: MARK }));
	const connection = await connectTo(nats.url);
	const place = recordedSubject("acme", recording.body.recording.id, 1);
	await connection.jetstream().publish(place, JSON.stringify({ id: MARK }), { headers: recorded });
	const [replay] = await rows(
		control.plane.database,
		`INSERT INTO replays (tenant, plugin, recording, version, against, state, total, started_by)
		VALUES ('acme', '${MARK}', '${recording.body.recording.id}', '1.1.0', '1.0.0', 'done', 1, '${MARK}') RETURNING id`,
	);
	owned = {
		...NO_IDS,
		plugin: MARK,
		assistant: "helpdesk",
		execution: String(execution?.["id"]),
		key: key.body.apiKey.id,
		rollout: rollout.body.rollout.id,
		letter: await buryLetter(await connectTo(nats.url), { detail: MARK }, "acme"),
		publisher: keyId,
		recall: recall.body.recall.id,
		recording: recording.body.recording.id,
		replay: String(replay?.["id"]),
	};
});

function call(client: ApiClient, route: Route, ids: Ids): Promise<Answer<ProblemBody>> {
	const path = pathOf(route, ids);
	if (takesForm(document, route)) {
		const form = new FormData();
		form.append("file", new Blob([Buffer.from(zips.get(ids.plugin) as Buffer)]), "package");
		return client.call(route.method, path, form);
	}
	const schema = bodySchema(document, route);
	const body = schema === undefined ? undefined : sampleOf(document, schema, { plugin: ids.plugin });
	return client.call(route.method, path, body);
}

/** Everything that the owner has, as the database has it. */
async function ownersRows(): Promise<unknown[]> {
	const tables = [
		"plugins",
		"plugin_versions",
		"plugin_grants",
		"plugin_configs",
		"user_configs",
		"bindings",
		"executions",
		"recordings",
		"replays",
		"api_keys",
		"audit_log",
	];
	const found: unknown[] = [await rows(control.plane.database, "SELECT id, revision FROM tenants WHERE id = 'acme'")];
	for (const table of tables) {
		found.push(await rows(control.plane.database, `SELECT md5(t::text) AS row FROM ${table} t WHERE tenant = 'acme' ORDER BY 1`));
	}
	return found;
}

const shapeOf = ({ status, body }: Answer<ProblemBody>, ids: Ids) => {
	const text = JSON.stringify({ ...body, instance: undefined, requestId: undefined });
	return {
		status,
		text: Object.values(ids).reduce((all: string, id) => all.replace(new RegExp(`\\b${id}\\b`, "g"), "ID"), text),
	};
};

describe("AU-01 AU-02", () => {
	test.each(CLOSED_ROUTES)("$route gives another tenant's keys nothing of what it has, and changes nothing", async (route) => {
		const before = await ownersRows();
		for (const role of API_ROLES) {
			const stranger = strangers.get(role) as ApiClient;
			// A new plugin of the same name would be the stranger's own.
			const ids = namesOwned(route) ? owned : { ...owned, plugin: "theirs" };
			const foreign = await call(stranger, route, ids);
			if (API_ROLES.indexOf(role) < API_ROLES.indexOf(route.access) || PLATFORM_ROUTES.has(route.route)) {
				expect(foreign, role).toMatchObject({ status: 403, body: { code: "role_missing" } });
			} else if (namesOwned(route)) {
				expect(foreign, role).toMatchObject({ status: 404 });
				// Nobody can tell what another tenant has from what nobody has.
				expect(shapeOf(foreign, owned), role).toEqual(shapeOf(await call(stranger, route, NOWHERE), NOWHERE));
			} else {
				expect(foreign.status, role).not.toBe(401);
				if (route.method === "GET") expect(JSON.stringify(foreign.body), role).not.toContain(MARK);
			}
		}
		expect(await ownersRows()).toEqual(before);
	});

	test("the owner's own calls with the same ids are answered", async () => {
		for (const route of CLOSED_ROUTES.filter(({ method }) => method === "GET")) {
			// What a marketplace offers is nobody's own.
			if (PLATFORM_ROUTES.has(route.route) || isFeed(route) || route.path.startsWith("/api/v1/marketplace/")) continue;
			expect((await call(owner, route, owned)).status, route.route).toBe(200);
		}
	});

	test("a route that the policy table does not name has no access, and so stops the service", () => {
		expect(() => accessOf("GET", "/api/v1/forgotten")).toThrow("route GET /api/v1/forgotten is not in ACCESS_POLICY");
		expect(() => accessOf("GET", "constructor")).toThrow("is not in ACCESS_POLICY");
	});
});

describe("tenants", () => {
	test("are made once, by admins of the tenant default only, each with a key of its own", async () => {
		const made = await control.admin.post<TenantCreated>("/api/v1/tenants", { id: "initech" });
		expect(made).toMatchObject({ status: 201, body: { tenant: { id: "initech", revision: 0 }, apiKey: { role: "admin" } } });
		const admin = control.admin.as(made.body.key);
		expect((await admin.get<ApiKeyList>("/api/v1/api-keys")).body.items).toHaveLength(1);
		expect(await control.admin.post("/api/v1/tenants", { id: "initech" })).toMatchObject({
			status: 409,
			body: { code: "tenant_exists" },
		});
		expect(await admin.post("/api/v1/tenants", { id: "another" })).toMatchObject({ status: 403, body: { code: "role_missing" } });
		expect((await control.admin.get<{ items: { id: string }[] }>("/api/v1/tenants")).body.items.map(({ id }) => id)).toContain(
			"initech",
		);
	});

	test("twenty requests for the same one at once make one tenant and one key", async () => {
		const answers = await Promise.all(Array.from({ length: 20 }, () => control.admin.post("/api/v1/tenants", { id: "crowd" })));
		expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)]);
		expect(await rows(control.plane.database, "SELECT id FROM api_keys WHERE tenant = 'crowd'")).toHaveLength(1);
	});

	test.each(["", "a b", "a.b", "*", ">", "x".repeat(65), "runtime_rt-1", "control_plane", 'a"', "\u0000"])(
		"%o is no name of a tenant",
		async (id) => {
			expect(await control.admin.post("/api/v1/tenants", { id })).toMatchObject({
				status: 400,
				body: { code: "request_invalid" },
			});
		},
	);
});

describe("AU-04 an API key", () => {
	const make = async (body: Record<string, unknown> = {}) =>
		(await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "k", role: "viewer", ...body })).body;
	const statusWith = async (key: string) => (await control.admin.as(key).get("/api/v1/plugins")).status;

	test("that is wrong in one character, truncated, longer or of another case is refused", async () => {
		const { key } = await make();
		const last = key.at(-1) === "A" ? "B" : "A";
		const swapped = key.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase());
		expect(await statusWith(key)).toBe(200);
		for (const wrong of [
			`${key.slice(0, -1)}${last}`,
			key.slice(0, -1),
			`${key}A`,
			swapped,
			key.toUpperCase(),
			key.slice(4),
			"hbk_",
		]) {
			expect(await statusWith(wrong), wrong.slice(0, 8)).toBe(401);
		}
	});

	test("is refused from the moment of its end and of its revocation", async () => {
		const expiring = await make({ expiresAt: new Date(Date.now() + 1_500).toISOString() });
		expect(await statusWith(expiring.key)).toBe(200);
		await new Promise((resolve) => setTimeout(resolve, 1_600));
		expect(await control.admin.as(expiring.key).get("/api/v1/plugins")).toMatchObject({
			status: 401,
			body: { code: "not_authenticated" },
		});
		const revoked = await make();
		expect(await statusWith(revoked.key)).toBe(200);
		await control.admin.delete(`/api/v1/api-keys/${revoked.apiKey.id}`);
		expect(await statusWith(revoked.key)).toBe(401);
	});

	test.each(["2020-01-01T00:00:00Z", "2099-13-01T00:00:00Z", "2099-02-31", "tomorrow", "9999999999", ""])(
		"cannot end at %o",
		async (expiresAt) => {
			const answer = await control.admin.post("/api/v1/api-keys", { name: "k", role: "viewer", expiresAt });
			expect(answer).toMatchObject({ status: 400, body: { code: "request_invalid" } });
		},
	);

	test("for admins that does not expire stays, however many there are that do", async () => {
		const made = await control.admin.post<TenantCreated>("/api/v1/tenants", { id: "lasting" });
		const admin = control.admin.as(made.body.key);
		await admin.post("/api/v1/api-keys", { name: "short", role: "admin", expiresAt: "2099-01-01T00:00:00Z" });
		expect(await admin.delete(`/api/v1/api-keys/${made.body.apiKey.id}`)).toMatchObject({
			status: 409,
			body: { code: "last_admin_key" },
		});
	});

	test("is kept as a hash: neither key nor hash is in any answer, log line or audit row", async () => {
		const { key, apiKey } = await make({ name: "hidden" });
		const [stored] = await rows(control.plane.database, `SELECT hash FROM api_keys WHERE id = '${apiKey.id}'`);
		const hash = String(stored?.["hash"]);
		const audit = JSON.stringify(await rows(control.plane.database, "SELECT * FROM audit_log"));
		const list = JSON.stringify((await control.admin.get("/api/v1/api-keys")).body);
		for (const secret of [key, hash, key.slice(12)])
			for (const text of [audit, list, control.logs()]) expect(text).not.toContain(secret);
		expect(JSON.stringify(await rows(control.plane.database, "SELECT * FROM api_keys"))).not.toContain(key);
	});
});

describe("AU-12 the audit log", () => {
	const HOSTILE = "line\r\n2026-01-01 admin plugin.delete everything\u001b[31m\u2028end";

	test("has one well-formed row for each change, whatever its names hold", async () => {
		const before = (await rows(control.plane.database, "SELECT id FROM audit_log")).length;
		const { body } = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: HOSTILE, role: "admin" });
		const hostile = control.admin.as(body.key);
		const { zip } = await buildPackage({
			name: "audited",
			manifest: { config: { type: "object", properties: { a: { type: "integer" } } } },
		});
		const changes: readonly (readonly [action: string, make: () => Promise<Answer>])[] = [
			["plugin.install", () => hostile.install({ file: zip })],
			["plugin.grants", () => hostile.put("/api/v1/plugins/audited/grants", { permissions: ["read_messages"] })],
			["plugin.enable", () => hostile.post("/api/v1/plugins/audited/enable")],
			["config.set", () => hostile.put("/api/v1/plugins/audited/config", { config: { a: 1 } })],
			["binding.create", () => hostile.post("/api/v1/assistants/bot/plugins", { plugin: "audited" })],
			["binding.delete", () => hostile.delete("/api/v1/assistants/bot/plugins/audited")],
			["plugin.disable", () => hostile.post("/api/v1/plugins/audited/disable")],
			["plugin.delete", () => hostile.delete("/api/v1/plugins/audited")],
		];
		for (const [action, make] of changes) expect((await make()).status, action).toBeLessThan(300);
		const written = (await rows(control.plane.database, "SELECT * FROM audit_log ORDER BY id")).slice(before);
		const [first, ...rest] = written;
		expect(first).toMatchObject({ tenant: "default", action: "api_key.create", detail: { name: HOSTILE, role: "admin" } });
		expect(rest).toHaveLength(changes.length);
		for (const row of rest) {
			expect(row).toMatchObject({
				tenant: "default",
				actor: `${HOSTILE} (${body.apiKey.id})`,
				action: expect.stringMatching(/^[a-z_]+\.[a-z_]+$/),
				target: expect.stringContaining("audited"),
				request: expect.stringMatching(/^[0-9a-f-]{36}$/),
				revision: expect.anything(),
			});
		}
		// What does not change anything leaves no row.
		await hostile.get("/api/v1/plugins");
		await hostile.delete("/api/v1/plugins/audited");
		expect(await rows(control.plane.database, "SELECT id FROM audit_log")).toHaveLength(before + 1 + changes.length);
		// A log is lines of JSON: nobody writes a second one.
		for (const line of control.logs().trim().split("\n")) expect(() => JSON.parse(line) as unknown).not.toThrow();
	});

	test.each([
		"UPDATE audit_log SET actor = 'nobody'",
		"UPDATE audit_log SET actor = 'nobody' WHERE false",
		"DELETE FROM audit_log WHERE id = (SELECT min(id) FROM audit_log)",
		"TRUNCATE audit_log",
	])("refuses %s in the database itself", async (statement) => {
		const before = await rows(control.plane.database, "SELECT * FROM audit_log ORDER BY id");
		await expect(rows(control.plane.database, statement)).rejects.toThrow();
		expect(await rows(control.plane.database, "SELECT * FROM audit_log ORDER BY id")).toEqual(before);
	});
});
