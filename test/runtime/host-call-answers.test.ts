// What leaves the main thread with an answer: the answer's own bytes, and nothing that lies beside them in memory.
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { HostCallDesk, type HostCallMessage, type HostCallReply, type HostFunctions, monotonicMs } from "@hookbus/runtime";
import { expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { rightsOf } from "../support/keeping-plugin.js";
import { waitFor } from "../support/wait-for.js";

test.each([
	["of pooled memory", () => Buffer.concat([Buffer.from("ab"), Buffer.from("c")])],
	["of a part of something larger", () => new Uint8Array(Buffer.from("secret, abc, secret")).subarray(8, 11)],
	["of a whole", () => new Uint8Array(Buffer.from("abc"))],
	["of memory that cannot be passed on", () => new Uint8Array(new SharedArrayBuffer(64), 0, 3).fill(97)],
])("bytes %s are answered in memory of their own", async (_, bytes) => {
	const functions = {
		state_get: { callsPerInvocation: 1, prepare: () => undefined, run: async () => ({ value: bytes() }) },
	} as unknown as HostFunctions;
	const desk = new HostCallDesk({
		functions,
		rightsOf: () => ({ ...rightsOf("acme", "asking"), permissions: new Set(["state"]) }),
		observer: { hostCallDone: () => undefined, hostCallBroke: () => undefined },
		clock: monotonicMs,
	});
	const { port1, port2 } = new MessageChannel();
	const connection = desk.connect(port1, new Int32Array(new SharedArrayBuffer(4)));
	closeAfter(() => {
		connection.close();
		port2.close();
	});
	port2.postMessage({
		id: 1,
		invocation: 1,
		image: "asking",
		deadlineAt: monotonicMs() + 10_000,
		request: { type: "state_get", key: "k" },
	} satisfies HostCallMessage);
	const { message } = await waitFor(
		"it is answered",
		() => receiveMessageOnPort(port2) as { message: HostCallReply } | undefined,
	);
	const { value } = (message as { answer: { value: Uint8Array } }).answer;
	expect(Buffer.from(value).toString()).toMatch(/^(abc|aaa)$/);
	expect([value.byteOffset, value.buffer.byteLength, value.buffer instanceof ArrayBuffer]).toEqual([0, 3, true]);
});
