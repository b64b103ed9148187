// Every role of the bus against every kind of subject, on a real server: exactly the cells that stand here are allowed. They are
// written down a second time, so that a slip in the table of deploy/nats/permissions.ts is found.
import { setImmediate as turn } from "node:timers/promises";
import { ensureBus } from "@hookbus/foundation";
import { EVENT_CONSUMER, EVENT_STREAM, STATE_STREAM } from "@hookbus/schemas";
import { headers, type NatsConnection } from "nats";
import { beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../support/wait-for.js";
import { type GuardedBus, ROLES, type Role, RUNTIME, startGuardedBus, TENANTS } from "./guarded-bus.js";

let bus: GuardedBus;
beforeAll(async () => {
	bus = await startGuardedBus();
	await ensureBus(await bus.as("control plane"), { replicas: 1, ackWaitMs: 30_000 });
});

const JS = "$JS.API";
const PUBLISH: readonly string[] = [
	...[">", "hooks.>", "hookbus.>", `${JS}.>`, "$SYS.>", "$KV.>", "_INBOX.>", "_INBOX.x"],
	...["default", "globex"].flatMap((tenant) => [
		`hooks.v1.${tenant}.on_chat_message.bot`,
		`hooks.v1.${tenant}.on_after_response.bot`,
		`_INBOX_${tenant}.x`,
		`${JS}.DIRECT.GET.KV_HOOKBUS_POLICIES.$KV.HOOKBUS_POLICIES.${tenant}`,
		`${JS}.DIRECT.GET.KV_HOOKBUS_ROUTES.$KV.HOOKBUS_ROUTES.${tenant}`,
		`$KV.HOOKBUS_POLICIES.${tenant}`,
		`$KV.HOOKBUS_ROUTES.${tenant}`,
		`$KV.HOOKBUS_DONE.${tenant}.x`,
		`hookbus.v1.state.${tenant}.plugin.key`,
		`hookbus.v1.files.${tenant}.plugin.key`,
		`hookbus.v1.executions.${tenant}`,
		`hookbus.v1.dead.${tenant}`,
		`hookbus.v1.recordings.${tenant}.recording.1`,
		`hookbus.v1.published.${tenant}.plugin.topic`,
		`hookbus.v1.notices.${tenant}`,
	]),
	...[RUNTIME, "rt-2"].flatMap((id) => [`hookbus.v1.runtimes.${id}.heartbeat`, `_INBOX_runtime_${id}.x`]),
	"_INBOX_control_plane.x",
	"hookbus.v1.replays.run",
	"hookbus.v1.replays.answers.x",
	"hookbus.v1.replays.answers.x.y",
	`${JS}.INFO`,
	`${JS}.STREAM.LIST`,
	...["HOOKBUS_EVENTS", "HOOKBUS_STATE", "KV_HOOKBUS_ROUTES", "KV_HOOKBUS_POLICIES"].flatMap((stream) => [
		`${JS}.STREAM.DELETE.${stream}`,
		`${JS}.STREAM.UPDATE.${stream}`,
		`${JS}.STREAM.PURGE.${stream}`,
		`${JS}.STREAM.SNAPSHOT.${stream}`,
		`${JS}.STREAM.MSG.DELETE.${stream}`,
		`${JS}.CONSUMER.CREATE.${stream}.mine`,
		`${JS}.CONSUMER.DURABLE.CREATE.${stream}.mine`,
	]),
	...["DELETE", "PURGE", "MSG.GET", "MSG.DELETE"].map((what) => `${JS}.STREAM.${what}.HOOKBUS_RECORDINGS`),
	`${JS}.CONSUMER.CREATE.HOOKBUS_RECORDINGS.mine`,
	`${JS}.STREAM.CREATE.MINE`,
	`${JS}.CONSUMER.DELETE.HOOKBUS_EVENTS.runtimes`,
	`${JS}.CONSUMER.MSG.NEXT.HOOKBUS_EVENTS.runtimes`,
	`${JS}.CONSUMER.MSG.NEXT.HOOKBUS_EXECUTIONS.control-plane`,
	"$SYS.REQ.SERVER.PING",
];

/** `<subject> <queue>` joins a queue group. */
const SUBSCRIBE: readonly string[] = [
	...[">", "hooks.>", "hookbus.>", `${JS}.>`, "$SYS.>", "$SYS.ACCOUNT.>", "$KV.>", "_INBOX.>", "_R_.>", "$JS.ACK.>"],
	...["default", "globex"].flatMap((tenant) => [
		`hooks.v1.${tenant}.on_chat_message.*`,
		`hooks.v1.${tenant}.on_chat_message.* runtimes`,
		`hooks.v1.${tenant}.on_chat_message.* others`,
		`hooks.v1.${tenant}.>`,
		`_INBOX_${tenant}.>`,
		`$KV.HOOKBUS_POLICIES.${tenant}`,
		`$KV.HOOKBUS_ROUTES.${tenant}`,
		`hookbus.v1.state.${tenant}.>`,
		`hookbus.v1.executions.${tenant}`,
		`hookbus.v1.recordings.${tenant}.>`,
		`hookbus.v1.published.${tenant}.>`,
		`hookbus.v1.notices.${tenant}`,
	]),
	"hookbus.v1.runtimes.*.heartbeat",
	...[RUNTIME, "rt-2"].map((id) => `_INBOX_runtime_${id}.>`),
	"_INBOX_control_plane.>",
	"hookbus.v1.replays.run",
	"hookbus.v1.replays.run runtimes",
	"hookbus.v1.replays.answers.*",
];

const CONSUMERS_OF_STATE = [`${JS}.CONSUMER.CREATE.HOOKBUS_STATE.mine`, `${JS}.CONSUMER.CREATE.KV_HOOKBUS_ROUTES.mine`];
const READ = TENANTS.flatMap((tenant) =>
	["POLICIES", "ROUTES"].map((name) => `${JS}.DIRECT.GET.KV_HOOKBUS_${name}.$KV.HOOKBUS_${name}.${tenant}`),
);

const ALLOWED: Readonly<Record<Role, { readonly publish: readonly string[]; readonly subscribe: readonly string[] }>> = {
	publisher: publisherOf("default"),
	"other tenant's publisher": publisherOf("globex"),
	listener: { publish: [], subscribe: ["hookbus.v1.published.default.>", "hookbus.v1.notices.default"] },
	runtime: {
		publish: [
			...TENANTS.flatMap((tenant) => [
				`_INBOX_${tenant}.x`,
				`$KV.HOOKBUS_DONE.${tenant}.x`,
				`hookbus.v1.state.${tenant}.plugin.key`,
				`hookbus.v1.files.${tenant}.plugin.key`,
				`hookbus.v1.executions.${tenant}`,
				`hookbus.v1.dead.${tenant}`,
				`hookbus.v1.recordings.${tenant}.recording.1`,
				`hookbus.v1.published.${tenant}.plugin.topic`,
			]),
			...READ,
			...CONSUMERS_OF_STATE,
			`hookbus.v1.runtimes.${RUNTIME}.heartbeat`,
			"hookbus.v1.replays.answers.x",
			`${JS}.INFO`,
			`${JS}.STREAM.MSG.DELETE.HOOKBUS_STATE`,
			`${JS}.CONSUMER.MSG.NEXT.HOOKBUS_EVENTS.runtimes`,
		],
		subscribe: [
			...TENANTS.map((tenant) => `hooks.v1.${tenant}.on_chat_message.* runtimes`),
			"hookbus.v1.runtimes.*.heartbeat",
			`_INBOX_runtime_${RUNTIME}.>`,
			"hookbus.v1.replays.run runtimes",
		],
	},
	"control plane": {
		publish: [
			...TENANTS.flatMap((tenant) => [
				`hooks.v1.${tenant}.on_after_response.bot`,
				`$KV.HOOKBUS_POLICIES.${tenant}`,
				`$KV.HOOKBUS_ROUTES.${tenant}`,
				`hookbus.v1.notices.${tenant}`,
			]),
			...READ,
			"hookbus.v1.replays.run",
			`${JS}.CONSUMER.CREATE.KV_HOOKBUS_ROUTES.mine`,
			`${JS}.INFO`,
			`${JS}.STREAM.PURGE.HOOKBUS_STATE`,
			`${JS}.STREAM.PURGE.HOOKBUS_RECORDINGS`,
			`${JS}.STREAM.MSG.GET.HOOKBUS_RECORDINGS`,
			`${JS}.CONSUMER.MSG.NEXT.HOOKBUS_EXECUTIONS.control-plane`,
		],
		subscribe: ["hookbus.v1.runtimes.*.heartbeat", "_INBOX_control_plane.>", "hookbus.v1.replays.answers.*"],
	},
	operator: {
		publish: ["$SYS.REQ.SERVER.PING"],
		subscribe: ["$SYS.>", "$SYS.ACCOUNT.>", "_INBOX.>"],
	},
};

function publisherOf(tenant: string) {
	return {
		publish: [
			`hooks.v1.${tenant}.on_chat_message.bot`,
			`hooks.v1.${tenant}.on_after_response.bot`,
			`${JS}.DIRECT.GET.KV_HOOKBUS_POLICIES.$KV.HOOKBUS_POLICIES.${tenant}`,
		],
		subscribe: [`_INBOX_${tenant}.>`, `$KV.HOOKBUS_POLICIES.${tenant}`],
	};
}

/** Does each thing once and returns what the server did not refuse. */
async function allowedOf(connection: NatsConnection, cells: readonly string[], act: (cell: string) => void): Promise<string[]> {
	let refusals = 0;
	void (async () => {
		for await (const { type } of connection.status()) if (type === "error") refusals += 1;
	})();
	const allowed: string[] = [];
	for (const cell of cells) {
		const before = refusals;
		act(cell);
		// The server's refusal comes before its answer to the flush.
		await connection.flush();
		await turn();
		if (refusals === before) allowed.push(cell);
	}
	return allowed;
}

describe.each(Object.keys(ROLES) as Role[])("AU-06 the %s", (role) => {
	test("publishes exactly on what the table says", async () => {
		const connection = await bus.as(role);
		const allowed = await allowedOf(connection, PUBLISH, (subject) => connection.publish(subject));
		expect(allowed.sort()).toEqual([...ALLOWED[role].publish].sort());
	});

	test("subscribes exactly to what the table says", async () => {
		const connection = await bus.as(role);
		const allowed = await allowedOf(connection, SUBSCRIBE, (cell) => {
			const [subject = "", queue] = cell.split(" ");
			connection.subscribe(subject, { callback: () => undefined, ...(queue === undefined ? {} : { queue }) });
		});
		expect(allowed.sort()).toEqual([...ALLOWED[role].subscribe].sort());
	});
});

test("AU-06 nobody connects without a user, or as one that is not there", async () => {
	const { connect } = await import("nats");
	await expect(connect({ servers: bus.nats.url, reconnect: false })).rejects.toThrow(/Authorization/i);
	await expect(connect({ servers: bus.nats.url, user: "admin", pass: "admin", reconnect: false })).rejects.toThrow(
		/Authorization/i,
	);
});

test("AU-07 a publisher sees no event, verdict, policy or published event of another tenant", async () => {
	const stranger = await bus.as("other tenant's publisher");
	const seen: string[] = [];
	for (const subject of [">", "_INBOX_globex.>", "$KV.HOOKBUS_POLICIES.globex", "hooks.v1.default.on_chat_message.*"]) {
		stranger.subscribe(subject, { callback: (error, message) => error === null && seen.push(message.subject) });
	}
	await stranger.flush();
	const publisher = await bus.as("publisher");
	const runtime = await bus.as("runtime");
	const control = await bus.as("control plane");
	publisher.publish("hooks.v1.default.on_chat_message.bot", "secret");
	publisher.publish("hooks.v1.default.on_after_response.bot", "secret");
	runtime.publish("_INBOX_default.frames.a.1", "secret");
	runtime.publish("hookbus.v1.published.default.plugin.topic", "secret");
	control.publish("$KV.HOOKBUS_POLICIES.default", "secret");
	await Promise.all([publisher, runtime, control].map((connection) => connection.flush()));
	await stranger.flush();
	expect(seen).toEqual([]);
});

test("AU-08 a stolen runtime credential neither deletes, purges nor changes a stream, makes no consumer of events, and commands nobody", async () => {
	const control = await bus.as("control plane");
	const manager = await control.jetstreamManager({ checkAPI: false });
	const publisher = await bus.as("publisher");
	publisher.publish("hooks.v1.default.on_after_response.bot", "{}");
	await publisher.flush();
	await waitFor("an event is there", async () => (await manager.streams.info(EVENT_STREAM)).state.messages > 0);
	const before = (await manager.streams.info(EVENT_STREAM)).state.messages;
	const thief = await bus.as("runtime");
	const as = await thief.jetstreamManager({ checkAPI: false, timeout: 5_000 });
	const config = { durable_name: "mine", filter_subject: "hooks.v1.default.>" };
	const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
		delete: () => as.streams.delete(EVENT_STREAM),
		purge: () => as.streams.purge(STATE_STREAM),
		update: () => thief.request(`${JS}.STREAM.UPDATE.${EVENT_STREAM}`, "{}", { timeout: 5_000 }),
		"a consumer of events": () => as.consumers.add(EVENT_STREAM, { ...config, ack_policy: "explicit" as never }),
		"the end of the consumer": () => as.consumers.delete(EVENT_STREAM, EVENT_CONSUMER),
		"an event removed": () => as.streams.deleteMessage(EVENT_STREAM, 1),
	};
	for (const [name, attempt] of Object.entries(attempts)) await expect(attempt(), name).rejects.toThrow(/Permissions Violation/i);
	const refused = await allowedOf(
		thief,
		[
			"$KV.HOOKBUS_ROUTES.default",
			"$O.HOOKBUS_MODULES.C.x",
			"hooks.v1.default.on_after_response.bot",
			"hookbus.v1.notices.default",
		],
		(subject) => thief.publish(subject, "{}", { headers: headers() }),
	);
	expect(refused).toEqual([]);
	expect((await manager.streams.info(EVENT_STREAM)).state.messages).toBe(before);
});

test("AU-09 a tenant that is taken out of the configuration is disconnected by a reload, and the others go on", async () => {
	const gone = await bus.as("other tenant's publisher");
	const stays = await bus.as("publisher");
	bus.reload(["default"]);
	const ended = await Promise.race([
		gone.closed().then(() => "disconnected"),
		new Promise((resolve) => {
			setTimeout(resolve, 5_000, "still there").unref();
		}),
	]);
	expect(ended).toBe("disconnected");
	await expect(bus.as("other tenant's publisher")).rejects.toThrow(/Authorization/i);
	await stays.flush();
});
