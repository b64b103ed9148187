// Refused calls in the audit log: each is one well-formed row in the right tenant, holds no secret, and a flood does not fill it.
import type { ApiKeyCreated, TenantCreated } from "@hookbus/schemas";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { ApiClient } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const UNKNOWN = `hbk_${"A".repeat(43)}`;
const HOSTILE = 'x\r\n{"actor":"admin"}\u001b[31m\u2028';
/** Rows that one tenant gets in a minute. */
const MOST = 60;

describe.each(EACH_DATABASE)("AU-12 refused calls on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let acme: ApiClient;

	const events = () =>
		rows(
			control.plane.database,
			"SELECT tenant, actor, action, target, detail, request FROM audit_log WHERE action LIKE 'access.%' ORDER BY id",
		);
	const during = async (work: () => Promise<unknown>) => {
		const before = (await events()).length;
		await work();
		return (await events()).slice(before);
	};
	const keyOf = async (name: string, role: string) => (await acme.post<ApiKeyCreated>("/api/v1/api-keys", { name, role })).body;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		acme = control.admin.as((await control.admin.post<TenantCreated>("/api/v1/tenants", { id: "acme" })).body.key);
	});

	test("AU-12 a revoked and an expired key are recorded where they belonged, by name", async () => {
		for (const [why, change] of [
			["a revoked API key", "revoked_at = now()"],
			["an expired API key", "expires_at = now() - interval '1 hour'"],
		]) {
			const { key, apiKey } = await keyOf(HOSTILE, "viewer");
			await rows(control.plane.database, `UPDATE api_keys SET ${change} WHERE id = '${apiKey.id}'`);
			const found = await during(() => control.admin.as(key).get("/api/v1/plugins/some-plugin"));
			expect(found).toEqual([
				{
					tenant: "acme",
					actor: `${HOSTILE} (${apiKey.id})`,
					action: "access.refused",
					target: "GET /api/v1/plugins/:name",
					detail: { why, address: "127.0.0.1" },
					request: expect.stringMatching(/^[0-9a-f-]{36}$/),
				},
			]);
		}
	});

	test("AU-12 credentials that nobody has are recorded for the deployment, without what was sent", async () => {
		const headers = [
			`Bearer ${UNKNOWN}`,
			"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
			"Bearer guess",
			"Basic YWRtaW46aHVudGVyMg==",
		];
		const found = await during(async () => {
			for (const authorization of headers) await control.plane.app.inject({ url: "/api/v1/plugins", headers: { authorization } });
		});
		expect(found.map(({ tenant, actor, detail }) => [tenant, actor, (detail as { why: string }).why])).toEqual([
			["default", "unknown", "an unknown API key"],
			["default", "unknown", "no API key: a token that is not valid here"],
			["default", "unknown", "no API key: a text that is none"],
			["default", "unknown", "no API key: another scheme than Bearer"],
		]);
		expect(JSON.stringify(found)).not.toMatch(/AAAAAAAA|eyJ|guess|YWRtaW/);
	});

	test("AU-12 what a role or a tenant may not do is recorded with the key", async () => {
		const viewer = control.admin.as((await keyOf("watcher", "viewer")).key);
		const author = control.admin.as((await keyOf("author", "developer")).key);
		const { zip } = await buildPackage({ name: "wanted" });
		const found = await during(async () => {
			expect((await viewer.post("/api/v1/plugins/some-plugin/enable")).status).toBe(403);
			expect((await acme.post("/api/v1/tenants", { id: "mine" })).status).toBe(403);
			expect((await author.install({ file: zip, fields: { grants: "all" } })).status).toBe(403);
		});
		expect(found).toMatchObject([
			{
				tenant: "acme",
				actor: expect.stringContaining("watcher ("),
				action: "access.denied",
				target: "POST /api/v1/plugins/:name/enable",
			},
			{ tenant: "acme", action: "access.denied", target: "POST /api/v1/tenants" },
			{
				tenant: "acme",
				actor: expect.stringContaining("author ("),
				action: "access.denied",
				target: "POST /api/v1/plugins/install",
			},
		]);
	});

	test("AU-12 a call with an Idempotency-Key that is refused is recorded, and no effect is", async () => {
		await acme.install({ file: (await buildPackage({ name: "held" })).zip, fields: { grants: "all" } });
		const author = control.admin.as((await keyOf("binder", "operator")).key);
		const found = await during(async () => {
			const headers = { "idempotency-key": "refused-1" };
			const answer = await author.call("PUT", "/api/v1/assistants/*/plugins/held", { recordPatches: true }, headers);
			expect(answer.status).toBe(403);
		});
		expect(found).toMatchObject([{ action: "access.denied", target: "PUT /api/v1/assistants/:id/plugins/:plugin" }]);
		const kept = await rows(control.plane.database, "SELECT took_effect FROM idempotency_keys WHERE key = 'refused-1'");
		expect(kept).toEqual([{ took_effect: false }]);
	});

	test("AU-12 what is no refusal leaves no row", async () => {
		const found = await during(async () => {
			await control.admin.as(undefined).get("/api/v1/plugins");
			await acme.get("/api/v1/plugins");
			await acme.get("/api/v1/plugins/nowhere");
			await control.admin.as(UNKNOWN).get("/livez");
		});
		expect(found).toEqual([]);
	});

	test("AU-12 a flood is counted and does not fill the log; the next row says how many had none", async () => {
		const { key, apiKey } = await keyOf("flooding", "viewer");
		await acme.delete(`/api/v1/api-keys/${apiKey.id}`);
		const ask = async () => {
			const headers = { authorization: `Bearer ${key}` };
			expect((await control.plane.app.inject({ url: "/api/v1/plugins", headers })).statusCode).toBe(401);
		};
		const now = performance.now.bind(performance);
		const inMinutes = async (minutes: number, work: () => Promise<unknown>) => {
			const later = vi.spyOn(performance, "now").mockImplementation(() => now() + minutes * 61_000);
			try {
				return await during(work);
			} finally {
				later.mockRestore();
			}
		};
		expect(await inMinutes(1, () => Promise.all(Array.from({ length: MOST + 15 }, ask)))).toHaveLength(MOST);
		expect(await inMinutes(2, ask)).toMatchObject([{ detail: { omitted: 15 } }]);
	});

	test("AU-12 without the audit log the answer is the same, and the log of the service says so", async () => {
		await rows(control.plane.database, "ALTER TABLE audit_log RENAME TO audit_log_away");
		try {
			expect((await control.admin.as(UNKNOWN).get("/api/v1/plugins")).status).toBe(401);
			expect(control.logs()).toContain("a refused call cannot be written to the audit log");
		} finally {
			await rows(control.plane.database, "ALTER TABLE audit_log_away RENAME TO audit_log");
		}
	});

	test.each(["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"])(
		"AU-12 a tenant's own transaction has no grant for %s, whatever the trigger does",
		async (statement) => {
			const { database } = control.plane;
			const before = await rows(database, "SELECT count(*) AS n FROM audit_log");
			await rows(database, "ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only");
			try {
				const tenant = { ...database, acrossTenants: { ...database.acrossTenants, query: database.of("acme").transaction } };
				await expect(rows(tenant, statement)).rejects.toMatchObject({ code: "42501" });
			} finally {
				await rows(database, "ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only");
			}
			expect(await rows(database, "SELECT count(*) AS n FROM audit_log")).toEqual(before);
		},
	);
});
