// The desk that answers threads, without threads: what a thread says is not believed, so everything that it must refuse is asked of it
// directly here.
import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
	HostCallDesk,
	type HostCallMessage,
	type HostCallReply,
	type HostFunctions,
	monotonicMs,
	PERMISSION_OF,
	type PluginRights,
} from "@hookbus/runtime";
import { DEFAULT_LIMITS, type Permission } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";

type Run = (signal: AbortSignal) => Promise<unknown>;

/** A desk whose every function does what `run` says, for the image "known" with these permissions. */
function openDesk(run: Run, permissions: readonly Permission[] = Object.values(PERMISSION_OF)) {
	const broke: string[] = [];
	const done: string[] = [];
	const rights: PluginRights = {
		tenant: "acme",
		plugin: "asking",
		permissions: new Set(permissions),
		network: [],
		secrets: {},
		limits: DEFAULT_LIMITS,
	};
	const asked = {
		callsPerInvocation: 3,
		prepare: () => undefined,
		run: (_prepared: unknown, _rights: unknown, { signal }: { readonly signal: AbortSignal }) => run(signal),
	};
	const functions = Object.fromEntries(Object.keys(PERMISSION_OF).map((type) => [type, asked])) as unknown as HostFunctions;
	const desk = new HostCallDesk({
		functions,
		rightsOf: (image) => (image === "known" ? rights : undefined),
		observer: {
			hostCallDone: (_rights, type, outcome) => done.push(`${type} ${outcome}`),
			hostCallBroke: (type, error) => broke.push(`${type}: ${error}`),
		},
		clock: monotonicMs,
	});
	const { port1, port2 } = new MessageChannel();
	const answers = new Int32Array(new SharedArrayBuffer(4));
	const connection = desk.connect(port1, answers);
	closeAfter(() => {
		connection.close();
		port2.close();
	});
	return { port: port2, connection, answers, broke, done };
}

const message = (more: Partial<HostCallMessage> = {}): HostCallMessage => ({
	id: 1,
	invocation: 1,
	image: "known",
	deadlineAt: monotonicMs() + 5_000,
	request: { type: "state_get", key: "k" },
	...more,
});

function ask(port: MessagePort, asked: HostCallMessage): Promise<HostCallReply> {
	return new Promise((resolve) => {
		port.once("message", resolve);
		port.postMessage(asked);
	});
}

describe("the desk", () => {
	test("answers with the number that was asked, and wakes the thread", async () => {
		const { port, answers } = openDesk(async () => ({ value: undefined }));
		expect(await ask(port, message({ id: 7 }))).toEqual({ id: 7, answer: { value: undefined } });
		expect(Atomics.load(answers, 0)).toBe(1);
	});

	test("denies an image that is not in service, whatever it asks", async () => {
		const { port } = openDesk(async () => ({}));
		expect(await ask(port, message({ image: "unknown" }))).toMatchObject({ failure: { outcome: "denied" } });
	});

	test.each(Object.entries(PERMISSION_OF))(
		"denies %s without the permission %s, which nobody but it looks up",
		async (type, needed) => {
			const others = [...new Set(Object.values(PERMISSION_OF))].filter((permission) => permission !== needed);
			const { port } = openDesk(async () => ({}), others);
			const request = { type } as HostCallMessage["request"];
			expect(await ask(port, message({ request }))).toMatchObject({
				failure: { outcome: "denied", message: `${type} needs the permission ${needed}, which was not granted to the plugin` },
			});
		},
	);

	test("counts calls by kind and invocation", async () => {
		const { port } = openDesk(async () => ({}));
		for (let call = 0; call < 3; call += 1) expect(await ask(port, message())).toHaveProperty("answer");
		expect(await ask(port, message())).toMatchObject({ failure: { outcome: "denied" } });
		expect(await ask(port, message({ invocation: 2 }))).toHaveProperty("answer");
	});

	test("aborts what is not done by the deadline, and says so", async () => {
		let aborted = false;
		const { port } = openDesk(
			(signal) =>
				new Promise((_resolve, reject) => {
					signal.addEventListener("abort", () => {
						aborted = true;
						reject(new Error("aborted"));
					});
				}),
		);
		const reply = await ask(port, message({ deadlineAt: monotonicMs() + 30 }));
		expect(reply).toMatchObject({ failure: { outcome: "timeout" } });
		expect(aborted).toBe(true);
	});

	test("aborts what runs for a thread that is ended, and answers nobody", async () => {
		const signals: AbortSignal[] = [];
		const { port, connection } = openDesk(async (signal) => {
			signals.push(signal);
			await new Promise((resolve) => signal.addEventListener("abort", resolve));
			return {};
		});
		port.postMessage(message());
		await expect.poll(() => signals.length).toBe(1);
		connection.close();
		await expect.poll(() => signals[0]?.aborted).toBe(true);
	});

	test("calls what breaks in the host the host's fault, reports it, and tells the plugin nothing of it", async () => {
		const { port, broke, done } = openDesk(async () => {
			throw new Error("password of the database");
		});
		expect(await ask(port, message())).toEqual({
			id: 1,
			failure: { outcome: "host_error", message: "state_get failed in the host" },
		});
		expect(broke).toEqual(["state_get: password of the database"]);
		expect(done).toEqual(["state_get host_error"]);
	});
});
