// Walks the OpenAPI document: each operation called rightly, wrongly, without a key and with too small a role; then a seeded
// fuzzer with bodies, paths and headers that nobody would send. Nothing may end in a 5xx or show what is inside.
import { ERROR_CATALOGUE } from "@hookbus/control-plane";
import { API_ROLES, type ApiKeyCreated } from "@hookbus/schemas";
import { beforeAll, describe, expect, test } from "vitest";
import { moveBytes, type Random, randomFrom, replaceBytes, replaceValue } from "../fuzz/mutate.js";
import type { Answer, ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import {
	bodySchema,
	CLOSED_ROUTES,
	type Ids,
	NO_IDS,
	type OpenApiDocument,
	pathOf,
	type Route,
	sampleOf,
	takesForm,
} from "./sample-call.js";
import { rows } from "./stored-names.js";

/** Routes whose right call needs more than a plugin, an assistant, a key and an execution, by the file that calls them rightly. */
const CALLED_RIGHTLY_IN: Readonly<Record<string, readonly RegExp[]>> = {
	"rollouts.test.ts": [/\/rollouts\b/],
	"rollback.test.ts": [/\/rollback$/],
	"binding-order.test.ts": [/\/plugins\/order$/],
	"binding-audience.test.ts": [/\/assistants\/:id\/plugins\/:plugin\/users\b/],
	"execution-feed.test.ts": [/\/plugin-executions\/live$/],
	"dead-letters.test.ts": [/\/dead-letters\b/],
	"recordings.test.ts": [/\/recordings\b/],
	"replays.test.ts": [/\/replays\b/],
	"signatures.test.ts": [/\/trusted-publishers\b/, /\/publisher$/],
	"recalls.test.ts": [/\/recalls\b/],
	// Only DELETE needs more: the user whose own it is.
	"user-configs.test.ts": [/\/plugins\/:name\/config$/],
	"marketplace.test.ts": [/\/marketplace\/plugins\/:name$/, /\/marketplace\/sources\b/],
};

let control: StartedControlPlane;
let document: OpenApiDocument;
let viewer: ApiClient;
let update: Buffer;
/** What the operation before this one was called with; reading leaves it as it is. */
let lastIds: Ids | undefined;

beforeAll(async () => {
	// With a bus: what needs one must answer for the ids that it is given, not for the bus that is missing.
	const nats = await startNats();
	control = await startTestControlPlane({ natsUrl: nats.url });
	document = (await control.admin.get<OpenApiDocument>("/openapi.json")).body;
	const key = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "viewer", role: "viewer" });
	viewer = control.admin.as(key.body.key);
	update = (await buildPackage({ name: "called", version: "9.0.0" })).zip;
});

/** Things that are there, made anew for each operation. */
async function makeIds(n: number): Promise<Ids> {
	const { zip } = await buildPackage({ name: "called" });
	// The walk sets the policy too; what is not signed must stay installable.
	await control.admin.put("/api/v1/trust-policy", { requireSignature: false });
	await control.admin.delete("/api/v1/plugins/called");
	const installed = await control.admin.install<{ revision: number }>({ file: zip, fields: { grants: "all" } });
	expect(installed.status).toBe(201);
	await control.admin.post("/api/v1/assistants/helpdesk/plugins", { plugin: "called" });
	const key = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "called", role: "viewer" });
	const [execution] = await rows(
		control.plane.database,
		`INSERT INTO executions (tenant, event_id, hook, phase, plugin, version, digest, assistant, effect, mode, outcome, started_at,
			duration_ms, input_bytes, output_bytes, attempt, runtime, revision)
		VALUES ('default', 'event-${n}', 'on_chat_message', '', 'called', '1.0.0', '${"d".repeat(64)}', 'helpdesk', 'transform', 'enforce',
			'ok', now(), 1, 1, 1, 1, 'rt', 1)
		RETURNING id`,
	);
	return { ...NO_IDS, plugin: "called", assistant: "helpdesk", execution: String(execution?.["id"]), key: key.body.apiKey.id };
}

function formOf(file: Uint8Array): FormData {
	const form = new FormData();
	form.append("file", new Blob([Buffer.from(file)]), "package");
	return form;
}

/** What an answer to a wrong call may be. */
function expectProblem({ status, headers, body }: Answer<ProblemBody>, what: string): void {
	expect(status, what).toBeGreaterThanOrEqual(400);
	expect(status, what).toBeLessThan(500);
	expect(headers.get("content-type"), what).toContain("application/problem+json");
	expect(Object.keys(ERROR_CATALOGUE), what).toContain(body.code);
	expect(insideOf(JSON.stringify(body)), what).toBeUndefined();
}

/** What an answer tells of the inside: a line of a stack, a query, a path, a column. */
function insideOf(text: string): string | undefined {
	return /\bat .{1,200}:\d+:\d+|node_modules|\/(dist|src)\/|\b(select|insert into|update) .{0,80}\b(from|values|set)\b|SQLSTATE|PGlite|drizzle/i.exec(
		text,
	)?.[0];
}

describe.each(CLOSED_ROUTES.map((route, n) => ({ ...route, n })))("BR-01 BR-10 $route", (route) => {
	let ids: Ids;
	beforeAll(async () => {
		if (lastIds === undefined || route.method !== "GET") lastIds = await makeIds(route.n);
		ids = lastIds;
	});

	const call = (client: ApiClient, body: unknown, query = "", headers: Record<string, string> = {}) =>
		client.call<ProblemBody>(route.method, `${pathOf(route, ids)}${query}`, body, headers);

	test("called rightly it succeeds; without a key, and with too small a role, it is refused and does nothing", async () => {
		const schema = bodySchema(document, route);
		// A plugin can be bound once only.
		if (route.route === "POST /api/v1/assistants/:id/plugins") ids = { ...ids, assistant: "elsewhere" };
		const body = takesForm(document, route)
			? formOf(update)
			: schema === undefined
				? undefined
				: sampleOf(document, schema, { plugin: ids.plugin });
		expect(await call(control.admin.as(undefined), body)).toMatchObject({ status: 401, body: { code: "not_authenticated" } });
		if (API_ROLES.indexOf(route.access) > 0) {
			expect(await call(viewer, body)).toMatchObject({ status: 403, body: { code: "role_missing" } });
		}
		// Another version of an installed plugin is PUT.
		if (route.route === "POST /api/v1/plugins/install") await control.admin.delete("/api/v1/plugins/called");
		const right = await call(control.admin, body);
		if (
			Object.values(CALLED_RIGHTLY_IN)
				.flat()
				.some((pattern) => pattern.test(route.path))
		) {
			expect(right.status).toBeLessThan(500);
			return;
		}
		expect([right.status, right.body]).toEqual([expect.toSatisfy((status: number) => status < 300), expect.anything()]);
	});

	test("called wrongly it says so, and what is wrong", async () => {
		const wrong: [what: string, body: unknown, query: string, headers: Record<string, string>][] = [];
		const json = { "content-type": "application/json" };
		if (bodySchema(document, route) !== undefined && route.route !== "POST /api/v1/plugins/validate-manifest") {
			for (const body of ["", "{", "null", "[]", '"text"', "1", '{"unknown":1}', '{"__proto__":{"a":1}}', '{"constructor":{}}']) {
				wrong.push([`the body ${body}`, body, "", json]);
			}
			wrong.push(["a body that is nested 10,000 deep", "[".repeat(10_000) + "]".repeat(10_000), "", json]);
			wrong.push(["a text of a million characters", JSON.stringify({ name: "x".repeat(1_000_000) }), "", json]);
			wrong.push(["another content type", "<a/>", "", { "content-type": "application/xml" }]);
		}
		if (takesForm(document, route)) {
			wrong.push(["JSON instead of a form", "{}", "", json]);
			wrong.push(["a form without a boundary", "x", "", { "content-type": "multipart/form-data" }]);
			wrong.push(["a file that is no package", formOf(Buffer.from("no package")), "", {}]);
		}
		for (const [what, body, query, headers] of wrong) expectProblem(await call(control.admin, body, query, headers), what);
		if (!route.path.includes(":")) return;
		const names = ["%00", "..%2f..%2fetc", "x".repeat(4_096), "%F0%9F%98%80", "a%20b", "__proto__", "%", "'%20OR%201=1"];
		for (const name of names) {
			const path = route.path.replace(/:(name|plugin|user)\b/g, name).replace(":id", name);
			const answer = await control.admin.call<ProblemBody>(
				route.method,
				path,
				takesForm(document, route) ? formOf(update) : undefined,
			);
			// An assistant may have any of the names that are subject tokens, a user nearly any.
			if (answer.status >= 300) expectProblem(answer, `the name ${name.slice(0, 20)}`);
			else if (route.path.endsWith("/users/:user/configs")) expect(name).not.toMatch(/^(%00|%|x{129,})$/);
			else expect([route.path.includes("/assistants/"), name]).toEqual([true, "__proto__"]);
		}
	});
});

const SECONDS = 8;
const SEED = 20_260_101;

test(`BR-01 BR-10 whatever is sent for ${SECONDS} s (seed ${SEED}), no answer is a 5xx and none shows what is inside`, async () => {
	const random = randomFrom(SEED);
	const ids = await makeIds(-1);
	const { app } = control.plane;
	const authorization = `Bearer ${control.plane.firstKey}`;
	const before = control.logs().length;
	const deadline = performance.now() + SECONDS * 1_000;
	const statuses = new Map<number, number>();
	let sent = 0;
	while (performance.now() < deadline) {
		for (const route of CLOSED_ROUTES) {
			const request = strangeCall(route, ids, random);
			const answer = await app.inject({ ...request, headers: { authorization, ...request.headers } });
			const what = `call ${sent}: ${request.method} ${request.url.slice(0, 300)} ${String(request.payload).slice(0, 500)}`;
			sent += 1;
			statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
			expect(answer.statusCode, what).toBeLessThan(500);
			if (answer.statusCode < 400) continue;
			expect(answer.headers["content-type"], what).toContain("application/problem+json");
			expect(insideOf(answer.body), what).toBeUndefined();
		}
	}
	expect(control.logs().slice(before)).not.toContain("a request failed");
	// A fuzzer whose calls are all refused for the same reason would show nothing.
	expect(sent).toBeGreaterThan(100);
	for (const status of [200, 400, 404]) expect(statuses.get(status), `answers with ${status} of ${sent}`).toBeGreaterThan(5);
	// Afterwards it serves as before.
	expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
}, 120_000);

interface StrangeCall {
	readonly method: "GET" | "POST" | "PUT" | "DELETE";
	readonly url: string;
	readonly headers: Record<string, string>;
	readonly payload?: Buffer;
}

const TYPES = [
	"application/json",
	"application/json; charset=utf-7",
	"text/plain",
	"application/yaml",
	"multipart/form-data; boundary=x",
	"*/*",
];
const QUERIES = [
	"limit=1000000000",
	"limit=-1",
	"cursor=%27%3B--",
	"status[]=a",
	"text=%00",
	"a=b&a=c",
	"__proto__=1",
	"text=(a%2B)%2B%24",
	"%",
];
const HEADERS: readonly (readonly [string, string])[] = [
	["if-match", '"x"'],
	["idempotency-key", "same-for-all"],
	["if-none-match", "*"],
	["x-forwarded-for", "'"],
	["range", "bytes=0-1"],
	["content-encoding", "gzip"],
];

function strangeCall(route: Route, ids: Ids, random: Random): StrangeCall {
	const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
	const sometimes = (chance: number) => random() < chance;
	const schema = bodySchema(document, route);
	const sample = schema === undefined ? {} : sampleOf(document, schema, { plugin: ids.plugin });
	let value = sample;
	for (let changes = Math.floor(random() * 3); changes > 0; changes -= 1) value = replaceValue(value, random);
	let payload: Buffer = Buffer.from(JSON.stringify(value) ?? "");
	if (takesForm(document, route)) {
		payload = Buffer.from(
			`--x\r\ncontent-disposition: form-data; name="file"; filename="a.zip"\r\n\r\n${update.toString("latin1")}\r\n--x--\r\n`,
			"latin1",
		);
	}
	if (payload.length > 0 && sometimes(0.3)) payload = Buffer.from(pick([replaceBytes, moveBytes])(payload, random, 8));
	let url = pathOf(route, ids);
	if (sometimes(0.2))
		url = encodeURI(replaceBytes(Buffer.from(url), random, 2, 8).reduce((text, byte) => text + String.fromCharCode(byte), ""));
	if (sometimes(0.3)) url += `?${pick(QUERIES)}`;
	const type =
		takesForm(document, route) && sometimes(0.8)
			? "multipart/form-data; boundary=x"
			: sometimes(0.1)
				? pick(TYPES)
				: "application/json";
	const extra = sometimes(0.2) ? Object.fromEntries([pick(HEADERS)]) : {};
	return {
		method: route.method as StrangeCall["method"],
		url,
		headers: { ...(route.method === "GET" ? {} : { "content-type": type }), ...extra },
		...(route.method === "GET" ? {} : { payload }),
	};
}
