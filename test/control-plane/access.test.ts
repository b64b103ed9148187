// Who may call what: every route of the policy table with every role, and without a key.
import { createHash, randomUUID } from "node:crypto";
import { ACCESS_POLICY, type Access } from "@hookbus/control-plane";
import { API_ROLES, type ApiKeyCreated, type ApiRole } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { rows } from "./stored-names.js";

let control: StartedControlPlane;
const keys = new Map<ApiRole, string>();

beforeAll(async () => {
	control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	for (const role of API_ROLES) {
		const created = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: role, role });
		keys.set(role, created.body.key);
	}
});

const ROUTES = Object.entries(ACCESS_POLICY).map(([route, access]) => {
	const [method, path] = route.split(" ") as [string, string];
	return {
		route,
		method,
		access,
		path: path
			.replace(":name", "missing")
			.replace(":plugin", "missing")
			.replace(":id", "missing")
			.replace(":user", "missing")
			.replace("*", "x"),
	};
});
const CLOSED = ROUTES.filter((route): route is (typeof ROUTES)[number] & { access: ApiRole } => route.access !== "open");

/** A call without a useful body: it gets past the door or it does not; what is behind does not matter here. */
async function statusOf(
	method: string,
	path: string,
	authorization: string | undefined,
): Promise<{ status: number; code: unknown }> {
	const response = await fetch(`${control.url}${path}`, {
		method,
		headers: { connection: "close", ...(authorization === undefined ? {} : { authorization }) },
	});
	const text = await response.text();
	const type = response.headers.get("content-type") ?? "";
	// The answer to HEAD has no body.
	const isProblem = type.includes("problem+json") && text !== "";
	return { status: response.status, code: isProblem ? (JSON.parse(text) as ProblemBody).code : undefined };
}

const AT_THE_DOOR = ["not_authenticated", "role_missing"];

describe.each(CLOSED)("$route", ({ method, path, access }) => {
	test.each(API_ROLES)(`as %s: let in from ${access} on`, async (role) => {
		const { status, code } = await statusOf(method, path, `Bearer ${keys.get(role)}`);
		if (API_ROLES.indexOf(role) >= API_ROLES.indexOf(access)) expect(AT_THE_DOOR).not.toContain(code);
		else expect({ status, code }).toEqual({ status: 403, code: "role_missing" });
	});

	const bad: { title: string; header: string | undefined }[] = [
		{ title: "no key", header: undefined },
		{ title: "a key that nobody made", header: `Bearer hbk_${"A".repeat(43)}` },
		{ title: "a truncated key", header: "Bearer hbk_abc" },
		{ title: "another scheme", header: `Basic ${Buffer.from("admin:admin").toString("base64")}` },
	];
	test.each(bad)("with $title is refused", async ({ header }) => {
		expect(await statusOf(method, path, header)).toEqual({ status: 401, code: "not_authenticated" });
	});
});

test.each(ROUTES.filter(({ access }: { access: Access }) => access === "open"))(
	"$route needs no key",
	async ({ method, path }) => {
		const { code } = await statusOf(method, path, undefined);
		expect(AT_THE_DOOR).not.toContain(code);
	},
);

// The other direction is checked when the service starts: a route without an entry stops it.
test("the policy table names no route that is not there", async () => {
	for (const { route, method } of ROUTES) {
		const path = route.slice(method.length + 1);
		expect(control.plane.app.hasRoute({ method: method as "GET", url: path }), route).toBe(true);
	}
});

test("a developer uploads, but neither enables nor grants with the package", async () => {
	const developer = control.admin.as(keys.get("developer"));
	const { zip } = await buildPackage({ name: "draft" });
	for (const fields of [{ enable: "true" }, { grants: "all" }] as Record<string, string>[]) {
		expect(await developer.install({ file: zip, fields })).toMatchObject({ status: 403, body: { code: "role_missing" } });
	}
	expect((await developer.install({ file: zip })).status).toBe(201);
	const operator = control.admin.as(keys.get("operator"));
	const next = await buildPackage({ name: "draft", version: "1.1.0" });
	expect(await operator.update("draft", { file: next.zip, fields: { grants: "all" } })).toMatchObject({ status: 403 });
	expect((await operator.update("draft", { file: next.zip })).status).toBe(200);
});

describe("a mandatory binding", () => {
	const at = "/api/v1/assistants/*/plugins/firm";
	const strong = { mandatory: true, percentage: 50 };
	const weaker: [string, unknown][] = [
		["a shadow", { ...strong, mode: "shadow" }],
		["one that lets errors pass", { ...strong, onError: "open" }],
		["one for fewer conversations", { ...strong, percentage: 49 }],
		["one that is not mandatory", { percentage: 50 }],
	];

	beforeAll(async () => {
		const { zip } = await buildPackage({ name: "firm" });
		await control.admin.install({ file: zip });
		expect((await control.admin.put(at, strong)).status).toBe(200);
	});

	test.each(weaker)("becomes %s only for an admin", async (_title, settings) => {
		const operator = control.admin.as(keys.get("operator"));
		expect(await operator.put(at, settings)).toMatchObject({ status: 403, body: { code: "role_missing" } });
		expect((await control.admin.put(at, settings)).status).toBe(200);
		expect((await operator.put(at, strong)).status).toBe(200);
	});

	test("is made stronger by an operator, and removed by an admin", async () => {
		const operator = control.admin.as(keys.get("operator"));
		expect((await operator.put(at, { mandatory: true })).status).toBe(200);
		expect(await operator.delete(at)).toMatchObject({ status: 403, body: { code: "role_missing" } });
		expect((await control.admin.delete(at)).status).toBe(200);
	});
});

test("AU-02 another tenant's plugins, versions, bindings and keys are not there", async () => {
	const { database } = control.plane;
	const other = `hbk_${"B".repeat(43)}`;
	const hash = createHash("sha256").update(other).digest("hex");
	await rows(database, "INSERT INTO tenants (id) VALUES ('other')");
	await rows(
		database,
		`INSERT INTO api_keys (tenant, name, role, prefix, hash) VALUES ('other', 'other', 'admin', 'hbk_BBBBBB', '${hash}')`,
	);
	const stranger = control.admin.as(other);
	const { zip } = await buildPackage({ name: "mine" });
	await control.admin.install({ file: zip, fields: { grants: "all", enable: "true" } });
	expect((await stranger.get<{ items: unknown[] }>("/api/v1/plugins")).body.items).toEqual([]);
	const calls: [string, string, unknown?][] = [
		["GET", "/api/v1/plugins/mine"],
		["GET", "/api/v1/plugins/mine/versions"],
		["GET", "/api/v1/plugins/mine/config"],
		["PUT", "/api/v1/plugins/mine/config", { config: {} }],
		["GET", "/api/v1/plugins/mine/history"],
		["POST", "/api/v1/plugins/mine/rollback", {}],
		["GET", "/api/v1/plugins/mine/rollouts"],
		["POST", "/api/v1/plugins/mine/rollouts", { version: "1.0.0", percentage: 5 }],
		["GET", `/api/v1/plugins/mine/rollouts/${randomUUID()}`],
		["POST", `/api/v1/plugins/mine/rollouts/${randomUUID()}/promote`],
		["POST", `/api/v1/plugins/mine/rollouts/${randomUUID()}/stop`],
		["GET", "/api/v1/plugins/mine/limits"],
		["PUT", "/api/v1/plugins/mine/limits", {}],
		["PUT", "/api/v1/plugins/mine/grants", { permissions: [] }],
		["PUT", "/api/v1/plugins/mine/publisher", { keyId: null }],
		["POST", "/api/v1/plugins/mine/enable"],
		["POST", "/api/v1/plugins/mine/disable"],
		["POST", "/api/v1/plugins/mine/toggle"],
		["DELETE", "/api/v1/plugins/mine"],
		["POST", "/api/v1/assistants/bot/plugins", { plugin: "mine" }],
		["PUT", "/api/v1/assistants/bot/plugins/mine", {}],
		["DELETE", "/api/v1/assistants/bot/plugins/mine"],
		["GET", "/api/v1/assistants/bot/plugins/mine/users"],
		["PUT", "/api/v1/assistants/bot/plugins/mine/users/u"],
		["DELETE", "/api/v1/assistants/bot/plugins/mine/users/u"],
	];
	for (const [method, path, body] of calls) {
		expect(await stranger.call(method, path, body), `${method} ${path}`).toMatchObject({
			status: 404,
			body: { code: "plugin_not_found" },
		});
	}
	const [mine] = (await control.admin.get<{ items: { id: string }[] }>("/api/v1/api-keys")).body.items;
	expect((await stranger.delete(`/api/v1/api-keys/${mine?.id}`)).status).toBe(404);
	// The same name in both tenants is two plugins.
	expect((await stranger.install({ file: zip })).status).toBe(201);
	expect((await stranger.delete("/api/v1/plugins/mine")).status).toBe(200);
	expect((await control.admin.get("/api/v1/plugins/mine")).status).toBe(200);
});

test("the OpenAPI document names every route with a role, and is version 3.1", async () => {
	const document = (
		await control.admin.get<{ openapi: string; paths: Record<string, Record<string, { operationId?: string }>> }>("/openapi.json")
	).body;
	expect(document.openapi).toBe("3.1.0");
	const operations = new Set<string>();
	for (const { route, method } of CLOSED) {
		const path = route.slice(method.length + 1).replace(/:(\w+)/g, "{$1}");
		const operation = document.paths[path]?.[method.toLowerCase()];
		expect(operation?.operationId, route).toMatch(/^[a-z][A-Za-z]+$/);
		operations.add(operation?.operationId as string);
	}
	expect(operations.size).toBe(CLOSED.length);
});

test("the documentation page loads nothing from outside", async () => {
	const page = await fetch(`${control.url}/docs`, { headers: { connection: "close" } });
	expect(page.status).toBe(200);
	const html = await page.text();
	expect(html).toContain("swagger");
	expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
	expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
});
