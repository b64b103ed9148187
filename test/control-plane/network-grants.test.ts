// Network access is granted rule by rule: what an admin saw is what counts, and a version that wants to reach more waits.
import {
	isRouteTable,
	type ManifestCheck,
	type NetworkRule,
	type PluginChange,
	type PluginDetail,
	ROUTE_BUCKET,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage, testManifest } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import type { StartedControlPlane } from "../support/start-control-plane.js";
import { startOnBus } from "../support/start-on-bus.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

const A: NetworkRule = { host: "a.example.com" };
const B: NetworkRule = { host: "b.example.com", methods: ["GET", "POST"], path: "/v1" };
const asking = (...network: NetworkRule[]) => ({ permissions: ["read_messages", "network_access"], network });

describe.each(EACH_DATABASE)("on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;
	let routes: KV;

	beforeAll(async () => {
		const bus = await startOnBus({ databaseUrl: await create() });
		({ control, api } = bus);
		routes = await bus.connection.jetstream().views.kv(ROUTE_BUCKET);
	});

	async function install(name: string, network: NetworkRule[], fields: Record<string, string> = {}): Promise<PluginChange> {
		const { zip } = await buildPackage({ name, manifest: asking(...network) });
		const answer = await api.install<PluginChange>({ file: zip, fields });
		expect(answer.status).toBe(201);
		closeAfter(() => api.delete(`/api/v1/plugins/${name}`));
		return answer.body;
	}

	async function update<T = PluginChange>(
		name: string,
		version: string,
		network: NetworkRule[],
		fields: Record<string, string> = {},
	) {
		const { zip } = await buildPackage({ name, version, manifest: asking(...network) });
		return await api.update<T>(name, { file: zip, fields });
	}

	async function show(name: string): Promise<PluginDetail> {
		return (await api.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
	}

	async function tableAt(revision: number): Promise<RouteTable> {
		return await waitFor(`route table ${revision} is on the bus`, async () => {
			const table = (await routes.get("default"))?.json();
			return isRouteTable(table) && table.revision >= revision ? table : undefined;
		});
	}

	test("grants=all at the install grants the rules of this version, and they are in the route table", async () => {
		const { plugin, revision } = await install("all", [A, B], { grants: "all", enable: "true" });
		expect(plugin.permissions).toEqual({
			asked: ["read_messages", "network_access"],
			granted: ["network_access", "read_messages"],
			missing: [],
			network: { asked: [A, B], granted: [A, B], missing: [] },
		});
		expect((await tableAt(revision)).plugins["all"]).toMatchObject({
			grants: ["network_access", "read_messages"],
			network: [A, B],
		});
	});

	test("without a grant nothing is reachable, and enabling names every rule that is missing", async () => {
		const { plugin } = await install("none", [A, B]);
		expect(plugin.permissions.network).toEqual({ asked: [A, B], granted: [], missing: [A, B] });
		const refused = await api.post<ProblemBody>("/api/v1/plugins/none/enable");
		expect(refused).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		expect(refused.body.errors).toEqual([
			{ path: "/permissions/read_messages", message: "is not granted" },
			{ path: "/permissions/network_access", message: "is not granted" },
			{ path: "/network/0", message: "GET https://a.example.com/ is not granted" },
			{ path: "/network/1", message: "GET, POST https://b.example.com/v1 is not granted" },
		]);
	});

	test("a version that wants to reach more is refused while the plugin is enabled, and what runs goes on", async () => {
		await install("grows", [A], { grants: "all", enable: "true" });
		const refused = await update<ProblemBody>("grows", "1.1.0", [A, B]);
		expect(refused).toMatchObject({
			status: 409,
			body: {
				code: "grants_missing",
				errors: [
					{ path: "/permissions/network_access", message: "is not granted" },
					{ path: "/network/1", message: "GET, POST https://b.example.com/v1 is not granted" },
				],
			},
		});
		expect(refused.body.detail).toContain("GET, POST https://b.example.com/v1");
		expect(await show("grows")).toMatchObject({
			version: "1.0.0",
			status: "enabled",
			permissions: { network: { granted: [A] } },
		});
		const granted = await update("grows", "1.1.0", [A, B], { grants: "network_access" });
		expect(granted.body.plugin.permissions).toMatchObject({ missing: [], network: { granted: [A, B] } });
		expect((await tableAt(granted.body.revision)).plugins["grows"]?.network).toEqual([A, B]);
	});

	test("a disabled plugin keeps what both versions ask for, and waits with the rest", async () => {
		await install("waits", [A], { grants: "all" });
		const updated = await update("waits", "1.1.0", [A, B]);
		expect(updated.body.plugin.permissions).toMatchObject({
			granted: ["network_access", "read_messages"],
			missing: ["network_access"],
			network: { granted: [A], missing: [B] },
		});
		expect(await api.post("/api/v1/plugins/waits/enable")).toMatchObject({ status: 409, body: { code: "grants_missing" } });
	});

	test("a rule that says more in any part is another rule", async () => {
		for (const [index, change] of [
			{ host: "*.example.com" },
			{ scheme: "http" },
			{ port: 8443 },
			{ methods: ["GET", "DELETE"] },
			{ path: "/v2" },
		].entries()) {
			const name = `differs-${index}`;
			await install(name, [{ host: "c.example.com", path: "/v1" }], { grants: "all", enable: "true" });
			const answer = await update(name, "1.1.0", [{ host: "c.example.com", path: "/v1", ...change } as NetworkRule]);
			expect(answer, JSON.stringify(change)).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		}
	});

	test("a rule that only writes a default out is the same rule", async () => {
		await install("same", [A], { grants: "all", enable: "true" });
		const answer = await update("same", "1.1.0", [{ ...A, scheme: "https", port: 443, methods: ["GET"], path: "/" }]);
		expect(answer).toMatchObject({ status: 200, body: { plugin: { version: "1.1.0", permissions: { missing: [] } } } });
	});

	test("a rule that a version no longer asks for is taken back", async () => {
		await install("shrinks", [A, B], { grants: "all", enable: "true" });
		expect((await update("shrinks", "1.1.0", [A])).status).toBe(200);
		expect(await update("shrinks", "1.2.0", [A, B])).toMatchObject({
			status: 409,
			body: { errors: [{}, { path: "/network/1" }] },
		});
	});

	test("the rules that an admin saw are granted, not those of a version that came in between", async () => {
		await install("raced", [A]);
		await update("raced", "1.1.0", [A, B]);
		const body = { permissions: ["read_messages", "network_access"], network: [A] };
		const granted = await api.put<PluginChange>("/api/v1/plugins/raced/grants", body);
		expect(granted.body.plugin.permissions).toMatchObject({
			missing: ["network_access"],
			network: { granted: [A], missing: [B] },
		});
		const again = await api.put<PluginChange>("/api/v1/plugins/raced/grants", body);
		expect(again.body.revision).toBe(granted.body.revision);
		const all = await api.put<PluginChange>("/api/v1/plugins/raced/grants", { permissions: body.permissions });
		expect(all.body.plugin.permissions).toMatchObject({ missing: [], network: { granted: [A, B] } });
		const trail = await rows(
			control.plane.database,
			"SELECT detail FROM audit_log WHERE target = 'raced' AND action = 'plugin.grants' ORDER BY id",
		);
		expect(trail).toMatchObject([
			{ detail: { before: { grants: [], network: [] }, after: { network: [A] } } },
			{ detail: { before: { network: [A] }, after: { network: [A, B] } } },
		]);
	});

	test("rules that are not asked for, or come without the permission, are refused", async () => {
		await install("modest", [A]);
		const surplus = await api.put<ProblemBody>("/api/v1/plugins/modest/grants", {
			permissions: ["network_access"],
			network: [A, B],
		});
		expect(surplus).toMatchObject({ status: 422, body: { code: "grant_not_asked", errors: [{ path: "/network/1" }] } });
		const alone = await api.put<ProblemBody>("/api/v1/plugins/modest/grants", { permissions: ["read_messages"], network: [A] });
		expect(alone).toMatchObject({ status: 400, body: { code: "request_invalid", errors: [{ path: "/network" }] } });
		expect((await show("modest")).permissions.granted).toEqual([]);
	});

	test("an enabled plugin keeps its rules", async () => {
		await install("firm", [A, B], { grants: "all", enable: "true" });
		const body = { permissions: ["read_messages", "network_access"], network: [A] };
		expect(await api.put("/api/v1/plugins/firm/grants", body)).toMatchObject({ status: 409, body: { code: "grants_missing" } });
		await api.post("/api/v1/plugins/firm/disable");
		expect((await api.put<PluginChange>("/api/v1/plugins/firm/grants", body)).body.plugin.permissions.network?.granted).toEqual([
			A,
		]);
	});

	test("who granted stays who granted, until more is granted", async () => {
		await install("signed", [A, B], { grants: "all" });
		const key = (await api.post<{ key: string }>("/api/v1/api-keys", { name: "second", role: "admin" })).body.key;
		const grantedBy = async () => {
			const found = await rows(
				control.plane.database,
				"SELECT granted_by FROM plugin_grants WHERE plugin = 'signed' AND permission = 'network_access'",
			);
			return found[0]?.["granted_by"];
		};
		const put = (network: NetworkRule[]) =>
			api.as(key).put("/api/v1/plugins/signed/grants", { permissions: ["network_access"], network });
		await put([A]);
		expect(await grantedBy()).toBe("first admin key");
		await put([A, B]);
		expect(await grantedBy()).toBe("second");
	});

	describe("validate-manifest", () => {
		const config = { type: "object", properties: { token: { type: "string", secret: true }, plain: { type: "string" } } };
		const check = async (change: Record<string, unknown>) =>
			(await api.post<ManifestCheck>("/api/v1/plugins/validate-manifest", { ...testManifest(), config, ...change })).body;

		test("a secret of a rule must be a secret of the configuration", async () => {
			const placed = (secret: string): NetworkRule => ({ host: "a.example.com", secrets: [{ secret, header: "Authorization" }] });
			const { valid, errors } = await check(asking(placed("token"), placed("plain"), placed("missing")));
			expect(valid).toBe(false);
			expect(errors.map(({ path }) => path)).toEqual(["/network/1/secrets/0/secret", "/network/2/secrets/0/secret"]);
			expect(errors[1]?.message).toContain("no secret missing");
		});

		test("plain http and hosts with a wildcard are warned about, and a secret that is only placed is not", async () => {
			const secrets = [{ secret: "token", query: "key" }];
			const { valid, warnings, manifest } = await check(asking({ host: "*.example.com", scheme: "http", secrets }, A));
			expect(valid).toBe(true);
			expect(warnings.map(({ path }) => path)).toEqual(["/network/0/scheme", "/network/0/host"]);
			expect(manifest?.network).toEqual([
				{ host: "*.example.com", scheme: "http", port: 80, methods: ["GET"], path: "/", secrets },
				{ host: "a.example.com", scheme: "https", port: 443, methods: ["GET"], path: "/" },
			]);
		});

		test("a secret that no rule places and that the plugin may not read is warned about", async () => {
			const { warnings } = await check(asking(A));
			expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining("read_secrets")]);
		});
	});
});
