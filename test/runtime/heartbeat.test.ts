// What plugins can make a runtime say of itself stays within what the bus takes, in size and in number.
import { type BreakerStatus, isRuntimeStatus, type RuntimeStatus } from "@hookbus/schemas";
import pino from "pino";
import { expect, test } from "vitest";
import { Heartbeat } from "../../services/runtime/src/reporting/heartbeat.js";
import { closeAfter } from "../support/close-after.js";

const PAYLOAD_BYTES = 1024 * 1024;

const breaker = (index: number, state: BreakerStatus["state"]): BreakerStatus => ({
	tenant: "acme",
	plugin: `plugin-${index}`,
	version: "1.0.0",
	state,
	openings: 1,
	reason: "€".repeat(300),
	since: new Date(0).toISOString(),
	revision: 1,
});

function heartbeat(publish: (body: Uint8Array) => void, tenants: RuntimeStatus["tenants"], breakers: BreakerStatus[]) {
	let failed = 0;
	const beat = new Heartbeat(
		{
			connection: { isClosed: () => false, isDraining: () => false, publish: (_subject, body) => publish(body as Uint8Array) },
			payloadBytes: PAYLOAD_BYTES,
			metrics: {
				publishFailed: () => {
					failed += 1;
				},
			},
			logger: pino({ level: "silent" }),
		},
		{
			runtime: "rt-test",
			version: "1.0.0",
			startedAt: "",
			inFlight: () => 0,
			threads: () => 1,
			tenants: () => tenants,
			breakers: () => breakers,
			probes: () => [],
		},
	);
	closeAfter(async () => beat.stop());
	return { beat, failed: () => failed };
}

test("a heartbeat of many failing plugins fits into a message, and names those first that were given up", () => {
	const sent: Uint8Array[] = [];
	const breakers = Array.from({ length: 2_000 }, (_, index) => breaker(index, index % 10 === 9 ? "given_up" : "open"));
	const fault = { plugin: "broken", version: "1.0.0", code: "guest_error", message: "x".repeat(100_000) };
	const tenants = { acme: { revision: 1, faults: Array.from({ length: 20 }, () => fault) } };
	heartbeat((body) => sent.push(body), tenants, breakers).beat.send();
	const [body = new Uint8Array()] = sent;
	expect(body.length).toBeLessThan(PAYLOAD_BYTES);
	const status: unknown = JSON.parse(Buffer.from(body).toString());
	if (!isRuntimeStatus(status)) throw new Error("it is a status");
	expect(status.breakers?.slice(0, 201).map(({ state }) => state)).toEqual([
		...Array.from({ length: 200 }, () => "given_up"),
		"open",
	]);
	expect(status.breakers?.length).toBeGreaterThan(500);
	expect(status.tenants.acme?.faults).toHaveLength(20);
});

test("faults of thousands of a tenant's users leave out no fault of another tenant, and say how many are not named", () => {
	const sent: Uint8Array[] = [];
	const fault = { plugin: "broken", version: "1.0.0", code: "guest_error", message: "x".repeat(1_000) };
	const ofUsers = Array.from({ length: 4_000 }, (_, index) => ({ ...fault, user: `user-${index}` }));
	const tenants = { acme: { revision: 1, faults: ofUsers }, zeta: { revision: 1, faults: [fault, { ...fault, user: "ann" }] } };
	heartbeat((body) => sent.push(body), tenants, [breaker(1, "open")]).beat.send();
	const status: unknown = JSON.parse(Buffer.from(sent[0] ?? []).toString());
	if (!isRuntimeStatus(status)) throw new Error("it is a status");
	expect(status.tenants["zeta"]?.faults.map(({ user }) => user)).toEqual([undefined, "ann"]);
	expect(status.breakers).toHaveLength(1);
	expect(status.tenants["acme"]?.faults).toHaveLength(100);
	expect(status.tenants["acme"]?.faultsLeftOut).toBe(3_900);
	expect(status.tenants["zeta"]).not.toHaveProperty("faultsLeftOut");
});

test("a thousand changes at once are two heartbeats, and the second says what the last change made", async () => {
	const sent: RuntimeStatus[] = [];
	const breakers: BreakerStatus[] = [];
	const { beat } = heartbeat((body) => sent.push(JSON.parse(Buffer.from(body).toString())), {}, breakers);
	for (let index = 0; index < 1_000; index += 1) {
		breakers.splice(0, 1, breaker(index, "open"));
		beat.send();
	}
	await new Promise((resolve) => setTimeout(resolve, 350));
	expect(sent.map(({ breakers: [first] = [] }) => first?.plugin)).toEqual(["plugin-0", "plugin-999"]);
	beat.setState("draining");
	expect(sent.at(-1)?.state).toBe("draining");
});

test("a heartbeat that cannot be sent is counted, and the runtime goes on", () => {
	const { beat, failed } = heartbeat(
		() => {
			throw new Error("too large");
		},
		{},
		[],
	);
	beat.send();
	expect(failed()).toBe(1);
});
