// Idempotency-Key, over both databases: one effect for each key, and the same answer again.
import type { ApiKeyCreated, ApiKeyList } from "@hookbus/schemas";
import { sql } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import type { Answer, ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";
import { rows } from "./stored-names.js";

describe.each(EACH_DATABASE)("BR-07 on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let api: ApiClient;

	beforeAll(async () => {
		control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9", databaseUrl: await create() });
		api = control.admin;
	});

	const makeKey = (name: string, key: string, client = api): Promise<Answer<ApiKeyCreated & ProblemBody>> =>
		client.call("POST", "/api/v1/api-keys", { name, role: "viewer" }, { "idempotency-key": key });
	const countNamed = async (name: string) =>
		(await api.get<ApiKeyList>("/api/v1/api-keys")).body.items.filter((item) => item.name === name).length;

	test("the same call again has one effect and the same answer, and says that it is one", async () => {
		const first = await makeKey("once", "k-1");
		expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([201, null]);
		const again = await makeKey("once", "k-1");
		expect([again.status, again.headers.get("idempotency-replayed"), again.body]).toEqual([201, "true", first.body]);
		expect(await countNamed("once")).toBe(1);
		expect((await api.as(again.body.key).get("/api/v1/plugins")).status).toBe(200);
	});

	test("twenty of the same call at once have one effect; who comes while it runs is told to ask again", async () => {
		const answers = await Promise.all(Array.from({ length: 20 }, () => makeKey("crowd", "k-2")));
		expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
		for (const { status, body, headers } of answers) {
			if (status === 201) continue;
			expect([status, body.code, headers.get("retry-after")]).toEqual([409, "idempotency_call_running", "1"]);
		}
		expect(new Set(answers.flatMap(({ body }) => body.key ?? [])).size).toBe(1);
		expect(await countNamed("crowd")).toBe(1);
	});

	test("another body, path or method with the same key is refused, and has no effect", async () => {
		await makeKey("first", "k-3");
		const others = [
			await makeKey("second", "k-3"),
			await api.call("PUT", "/api/v1/plugins/x/grants", { permissions: [] }, { "idempotency-key": "k-3" }),
			await api.call("POST", "/api/v1/tenants", { id: "fresh" }, { "idempotency-key": "k-3" }),
		];
		for (const other of others) expect(other).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
		expect(await countNamed("second")).toBe(0);
	});

	test("the order of the body's properties does not make it another call", async () => {
		const send = (body: string) =>
			api.call<ApiKeyCreated>("POST", "/api/v1/api-keys", body, { "idempotency-key": "k-4", "content-type": "application/json" });
		const first = await send('{"name":"ordered","role":"viewer"}');
		expect((await send('{ "role": "viewer", "name": "ordered" }')).body).toEqual(first.body);
	});

	test("a refusal is kept too; a call that was refused before it began leaves its key free", async () => {
		const wanted = { "idempotency-key": "k-5" };
		const refused = await api.call<ProblemBody>("DELETE", "/api/v1/plugins/absent", undefined, wanted);
		const again = await api.call<ProblemBody>("DELETE", "/api/v1/plugins/absent", undefined, wanted);
		expect([again.status, again.headers.get("idempotency-replayed"), again.headers.get("content-type")]).toEqual([
			404,
			"true",
			refused.headers.get("content-type"),
		]);
		expect(again.body).toEqual(refused.body);
		expect(await api.call("POST", "/api/v1/api-keys", { name: "" }, { "idempotency-key": "k-6" })).toMatchObject({ status: 400 });
		expect((await makeKey("corrected", "k-6")).status).toBe(201);
	});

	test("keys of different callers are different keys", async () => {
		const other = await makeKey("other caller", "k-7");
		const admin = await api.post<ApiKeyCreated>("/api/v1/api-keys", { name: "second admin", role: "admin" });
		const theirs = await makeKey("other caller", "k-7", api.as(admin.body.key));
		expect(theirs.status).toBe(201);
		expect(theirs.body.key).not.toBe(other.body.key);
	});

	const set = (key: string, values: string) =>
		rows(control.plane.database, `UPDATE idempotency_keys SET ${values} WHERE key = '${key}' RETURNING key`);
	const ago = (interval: string) => `now() - interval '${interval}'`;

	test("a key is kept for 24 hours", async () => {
		const first = await makeKey("aged", "k-8");
		await set("k-8", `created_at = ${ago("23 hours 59 minutes")}`);
		expect((await makeKey("aged", "k-8")).body).toEqual(first.body);
		await set("k-8", `created_at = ${ago("24 hours 1 minute")}`);
		expect((await makeKey("aged", "k-8")).body.key).not.toBe(first.body.key);
	});

	test("FT-14 a call whose process died before its change is free after ten seconds, also for another call", async () => {
		await makeKey("died", "k-9");
		await set("k-9", `status = NULL, answer = NULL, took_effect = false, alive_at = ${ago("8 seconds")}`);
		expect(await makeKey("died", "k-9")).toMatchObject({ status: 409, body: { code: "idempotency_call_running" } });
		await set("k-9", `alive_at = ${ago("11 seconds")}`);
		const answers = await Promise.all(Array.from({ length: 10 }, () => makeKey("instead", "k-9")));
		expect(new Set(answers.flatMap(({ body }) => body.key ?? [])).size).toBe(1);
		expect(await countNamed("instead")).toBe(1);
	});

	test("FT-14 a call whose process died after its change is not made again: who repeats it is told so, always", async () => {
		await makeKey("made", "k-12");
		await set("k-12", `status = NULL, answer = NULL, alive_at = ${ago("8 seconds")}`);
		expect(await makeKey("made", "k-12")).toMatchObject({ status: 409, body: { code: "idempotency_call_running" } });
		for (const interval of ["11 seconds", "11 seconds", "23 hours"]) {
			await set("k-12", `alive_at = ${ago(interval)}`);
			expect(await makeKey("made", "k-12")).toMatchObject({ status: 409, body: { code: "idempotency_answer_lost" } });
		}
		expect(await makeKey("other", "k-12")).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
		expect([await countNamed("made"), await countNamed("other")]).toEqual([1, 0]);
	});

	test("FT-14 a call that stood still and was taken over changes nothing any more", async () => {
		const { database } = control.plane;
		// PGlite has one connection: there nothing happens beside a transaction, and no call can be taken over within one process.
		if (database.kind === "pglite") return;
		let letGo: () => void = () => undefined;
		const holding = new Promise<void>((resolve) => {
			letGo = resolve;
		});
		// While the tenant is held the call has its key, and waits for its change.
		const lock = database.acrossTenants.transaction(async (queries) => {
			await queries.execute(sql`SELECT id FROM tenants WHERE id = 'default' FOR UPDATE`);
			await holding;
		});
		const late = api.call<ProblemBody>("PUT", "/api/v1/trust-policy", { requireSignature: true }, { "idempotency-key": "k-13" });
		const taken = () => set("k-13", "claim = gen_random_uuid()");
		await waitFor("the call has its key, and loses it", async () => (await taken()).length === 1);
		letGo();
		await lock;
		expect(await late).toMatchObject({ status: 409, body: { code: "idempotency_call_running" } });
		expect((await api.get("/api/v1/trust-policy")).body).toMatchObject({ requireSignature: false });
	});

	test("a call that takes long says that it lives", async () => {
		const { database } = control.plane;
		const age = async () =>
			(
				await rows(database, "SELECT extract(epoch FROM now() - alive_at)::float AS age FROM idempotency_keys WHERE key = 'k-14'")
			)[0];
		await api.install({ file: (await buildPackage({ name: "waiting" })).zip, fields: { grants: "all" } });
		// There is no bus here: the change is stored, and the fleet is waited for in vain.
		const path = "/api/v1/plugins/waiting/enable?wait=applied&waitMs=6000";
		const waiting = api.call("POST", path, undefined, { "idempotency-key": "k-14" });
		await new Promise((resolve) => setTimeout(resolve, 5_000));
		expect(Number((await age())?.["age"])).toBeLessThan(4);
		expect(await api.call("POST", path, undefined, { "idempotency-key": "k-14" })).toMatchObject({
			status: 409,
			body: { code: "idempotency_call_running" },
		});
		await waiting;
	});

	test("what is kept opens nothing: neither the answer's new API key nor anything else is readable in the database", async () => {
		const { body } = await makeKey("sealed", "k-10");
		const [kept] = await rows(
			control.plane.database,
			"SELECT encode(answer, 'escape') AS text FROM idempotency_keys WHERE key = 'k-10'",
		);
		expect(String(kept?.["text"]).length).toBeGreaterThan(100);
		for (const part of [body.key, body.key.slice(4), body.apiKey.id, "apiKey"]) expect(kept?.["text"]).not.toContain(part);
	});

	test.each(["", "a b", "x".repeat(256), "schl\u00fcssel"])("the key %o is refused", async (key) => {
		expect(await makeKey("bad", key)).toMatchObject({ status: 400, body: { code: "request_invalid" } });
		expect(await countNamed("bad")).toBe(0);
	});

	test("an upload with a key is an upload: the same package changes nothing, another one is another version", async () => {
		const { zip } = await buildPackage({ name: "uploaded" });
		const send = (file: Buffer) => {
			const form = new FormData();
			form.append("file", new Blob([Buffer.from(file)]), "package");
			return api.call("POST", "/api/v1/plugins/install", form, { "idempotency-key": "k-11" });
		};
		expect([(await send(zip)).status, (await send(zip)).status]).toEqual([201, 200]);
	});
});
