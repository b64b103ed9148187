// Builds a client from its parts, by hand, and waits a bounded time for the bus. The only place where the parts meet.
import type { HookName } from "@hookbus/schemas";
import { BusLink } from "./bus-link.js";
import { ClientError } from "./client-errors.js";
import { Counters } from "./client-metrics.js";
import { type ClientOptions, compileSettings } from "./client-options.js";
import { createReporter } from "./client-status.js";
import { DurablePublisher } from "./durable-publisher.js";
import { decidePolicy, type PolicyDecision } from "./failure-policy.js";
import { HookbusClient } from "./hookbus-client.js";
import { PendingRequests } from "./pending-requests.js";
import { PolicyCache } from "./policy-cache.js";
import { ReplyInbox } from "./reply-inbox.js";
import { RoundTrip } from "./round-trip.js";

/**
 * Makes a client and connects it. Resolves when the connection is up and the tenant's policy was read, or after
 * connectTimeoutMs (default 2,000) without them: the client keeps trying, and the policy decides meanwhile.
 *
 * @throws ClientError `invalid_options`; `not_connected` when waitOnFirstConnect is set and there is no connection in time
 */
export async function connectHookbus(options: ClientOptions): Promise<HookbusClient> {
	const settings = compileSettings(options);
	const report = createReporter(settings.name, settings.logger, settings.onStatus);
	const now = (): number => performance.now();
	const counters = new Counters();
	const roundTrip = new RoundTrip();
	const policies = new PolicyCache(settings.tenant, report);
	const decide = (hook: HookName, assistant: string): PolicyDecision =>
		decidePolicy(settings.policy, policies.view, settings.unknownPolicy, hook, assistant);
	const inbox = new ReplyInbox(settings.tenant, {
		onReply: (token, message) => pending.receive(token, message),
		onDenied: () => pending.inboxDenied(),
	});
	const durable = new DurablePublisher({
		tenant: settings.tenant,
		bufferBytes: settings.durableBufferBytes,
		maxWaitMs: settings.durableMaxWaitMs,
		counters,
		report,
		now,
	});
	let connected: () => void = () => undefined;
	const firstConnection = new Promise<void>((resolve) => {
		connected = resolve;
	});
	const link = new BusLink(settings, roundTrip, report, now, {
		onUp(connection) {
			inbox.attach(connection);
			policies.attach(connection);
			pending.linkUp();
			durable.linkUp(connection);
			connected();
		},
		onDown() {
			pending.linkDown();
			durable.linkDown();
		},
		onPublishDenied: (subject) => pending.publishDenied(subject),
	});
	const pending = new PendingRequests({
		link,
		inbox,
		roundTrip,
		counters,
		decide,
		now,
		silenceMs: settings.silenceMs,
		maxPending: settings.maxPendingRequests,
	});
	const client = new HookbusClient({ settings, link, pending, durable, policies, roundTrip, counters, report, decide });
	link.start();
	await within(settings.connectTimeoutMs, Promise.all([firstConnection, policies.firstAnswer]));
	if (settings.waitOnFirstConnect && !client.connected) {
		await client.close();
		throw new ClientError(
			"not_connected",
			`no connection to NATS at ${settings.servers.join(", ")} within ${settings.connectTimeoutMs} ms; check the address and that nats-server runs`,
		);
	}
	return client;
}

async function within(ms: number, done: Promise<unknown>): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const timeUp = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, ms);
	});
	await Promise.race([done, timeUp]);
	clearTimeout(timer);
}
