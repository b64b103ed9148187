// What a plugin's patch said: kept with its execution only where an admin wants it, bounded, without secrets, and shown to those only who
// may read conversations. With a real runtime, over both databases.
import {
	type ApiKeyCreated,
	type ApiRole,
	type ExecutionDetail,
	type ExecutionPage,
	MAX_RECORDED_PATCH_BYTES,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { keepPatch } from "../../services/runtime/src/chain/keep-patch.js";
import type { ApiClient } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { installEnabled, manifestOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { waitFor } from "../support/wait-for.js";
import { EACH_DATABASE } from "./each-database.js";

const HOOK = "on_chat_message";
const WAIT = "?wait=applied&waitMs=60000";
const SECRET = 'topsecret"quoted';
const says = (text: string) => ({ messages: [{ role: "user", parts: [{ type: "text", text }] }] });

describe("what is kept of a patch", () => {
	test("secrets are masked in texts and names, and it stays JSON", () => {
		const patch = { [SECRET]: [`a ${SECRET} b`, 1, null], other: { deep: SECRET } };
		expect(keepPatch(patch, [SECRET], [])).toEqual({
			patch: { "[secret]": ["a [secret] b", 1, null], other: { deep: "[secret]" } },
		});
	});

	test("one that is too large is omitted with its size, also when only its mask makes it so", () => {
		const at = (length: number) => ({ text: "x".repeat(length - '{"text":""}'.length) });
		expect(keepPatch(at(MAX_RECORDED_PATCH_BYTES), [], [])).toHaveProperty("patch");
		const above = keepPatch(at(MAX_RECORDED_PATCH_BYTES + 1), [], []);
		expect(above).toEqual({ patchOmitted: { bytes: MAX_RECORDED_PATCH_BYTES + 1 } });
		expect(keepPatch(at(MAX_RECORDED_PATCH_BYTES), ["xxxx"], [])).toEqual({ patchOmitted: { bytes: MAX_RECORDED_PATCH_BYTES } });
	});

	test("those of one event are bounded together", () => {
		const large = { patch: { text: "x".repeat(8_000) } };
		expect(keepPatch({ text: "more" }, [], Array(8).fill(large))).toHaveProperty("patch");
		expect(keepPatch({ text: "x".repeat(2_000) }, [], Array(8).fill(large))).toHaveProperty("patchOmitted");
	});
});

describe.each(EACH_DATABASE)("executions of plugins whose binding has recordPatches, on $kind", ({ create }) => {
	let control: StartedControlPlane;
	let connection: NatsConnection;

	beforeAll(async () => {
		const nats = await startNats();
		control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await create() });
		await control.admin.ready();
		await spawnRuntime({ natsUrl: nats.url });
		connection = await connectTo(nats.url);
		const hooks = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
		const config = { type: "object", properties: { token: { type: "string", secret: true } } };
		const more = { permissions: ["read_messages", "read_secrets"], config };
		const result = { action: "modify", patch: { ...says(`my ${SECRET}`), parameters: { temperature: 2 } } };
		await installEnabled(control.admin, manifestOf("changer", "1.0.0", hooks, more), await moduleReturning({ [HOOK]: result }));
		expect((await control.admin.put(`/api/v1/plugins/changer/config${WAIT}`, { config: { token: SECRET } })).status).toBe(200);
	});

	async function clientOf(role: ApiRole): Promise<ApiClient> {
		const made = await control.admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: role, role });
		return control.admin.as(made.body.key);
	}

	/** Sends an event and returns the execution as the list has it. */
	async function run(assistant: string) {
		const event = chatEvent("hello", { tenant: "default", assistant });
		await ask(connection, event);
		return await waitFor("the execution is stored", async () => {
			const { body } = await control.admin.get<ExecutionPage>(`/api/v1/plugin-executions?assistant=${assistant}`);
			return body.items.find(({ eventId }) => eventId === event.id);
		});
	}

	const detail = async (client: ApiClient, id: string) =>
		(await client.get<ExecutionDetail>(`/api/v1/plugin-executions/${id}`)).body;

	test("without the setting nothing of it is kept", async () => {
		const { id } = await run("plain");
		const shown = await detail(control.admin, id);
		expect(shown).toMatchObject({ action: "modify", paths: ["/messages"], stripped: ["/parameters/temperature"] });
		expect(JSON.stringify(shown)).not.toMatch(/patch|secret/i);
	});

	test("only an admin can have it kept, and whoever may change bindings can end it", async () => {
		const operator = await clientOf("operator");
		const path = `/api/v1/assistants/decided/plugins/changer${WAIT}`;
		const refused = await operator.put<{ code: string; detail: string }>(path, { recordPatches: true });
		expect(refused).toMatchObject({ status: 403, body: { code: "role_missing" } });
		expect(refused.body.detail).toContain("recordPatches: true needs the role admin");
		expect((await control.admin.put(path, { recordPatches: true })).status).toBe(200);
		const kept = await operator.put<{ binding: unknown }>(path, { recordPatches: true, order: 7 });
		expect(kept).toMatchObject({ status: 200, body: { binding: { recordPatches: true, order: 7 } } });
		expect((await operator.put(path, { recordPatches: false })).status).toBe(200);
		expect((await operator.put(path, { recordPatches: true })).status).toBe(403);
	});

	test.each(["enforce", "shadow"])(
		"SE-04 mode %s: the detail holds what the plugin was allowed, masked; the list does not, nor does a lower role see it",
		async (mode) => {
			const assistant = `bot-${mode}`;
			const path = `/api/v1/assistants/${assistant}/plugins/changer${WAIT}`;
			expect((await control.admin.put(path, { recordPatches: true, mode })).status).toBe(200);
			const listed = await run(assistant);
			expect(listed).not.toHaveProperty("patch");
			const patch = says("my [secret]");
			expect(await detail(control.admin, listed.id)).toMatchObject({ mode, action: "modify", patch });
			expect(await detail(await clientOf("operator"), listed.id)).toMatchObject({ patch });
			for (const role of ["viewer", "developer"] as const) {
				const shown = await detail(await clientOf(role), listed.id);
				expect(shown).not.toHaveProperty("patch");
				expect(shown.patchWithheld).toBe(true);
			}
		},
	);

	test("one that is too large is left out, which the detail and the metrics say", async () => {
		const hooks = [{ hook: HOOK, effect: "transform", paths: ["/messages"] }];
		const patch = says("x".repeat(MAX_RECORDED_PATCH_BYTES));
		const module = await moduleReturning({ [HOOK]: { action: "modify", patch } });
		await installEnabled(control.admin, manifestOf("large", "1.0.0", hooks), module);
		const path = `/api/v1/assistants/large/plugins/large${WAIT}`;
		expect((await control.admin.put(path, { recordPatches: true, order: -1 })).status).toBe(200);
		expect((await control.admin.put(`/api/v1/assistants/large/plugins/changer${WAIT}`, { enabled: false })).status).toBe(200);
		const shown = await detail(control.admin, (await run("large")).id);
		expect(shown.patchOmitted).toEqual({ bytes: JSON.stringify(patch).length });
		expect(shown).not.toHaveProperty("patch");
		const metrics = await (await fetch(`${control.url}/metrics`, { headers: { connection: "close" } })).text();
		expect(metrics).toContain("hookbus_control_plane_execution_patches_omitted_total 1");
	});
});
