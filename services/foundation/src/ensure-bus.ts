// Creates the streams, consumers and buckets of the bus where they are missing. Both services call it, so that neither has
// to be started first; an existing one is left as the operator configured it.

import {
	COST_BUCKET,
	DEAD_LETTER_STREAM,
	DEAD_LETTER_SUBJECTS,
	DONE_BUCKET,
	DURABLE_EVENT_SUBJECTS,
	EVENT_CONSUMER,
	EVENT_STREAM,
	EXECUTION_CONSUMER,
	EXECUTION_STREAM,
	EXECUTION_SUBJECTS,
	FILE_STREAM,
	FILE_SUBJECTS,
	MAX_RECORDING_DAYS,
	MODULE_STORE,
	POLICY_BUCKET,
	RECORDING_KEPT_DAYS,
	RECORDING_STREAM,
	RECORDING_SUBJECTS,
	ROUTE_BUCKET,
	STATE_STREAM,
	STATE_SUBJECTS,
	TABLE_PART_BUCKET,
} from "@hookbus/schemas";
import {
	AckPolicy,
	DiscardPolicy,
	type JetStreamManager,
	type KV,
	type NatsConnection,
	NatsError,
	nanos,
	type ObjectStore,
	RetentionPolicy,
	StorageType,
	type StreamConfig,
} from "nats";

import { TableParts } from "./tables/table-parts.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MIB = 1024 * 1024;

export interface BusOptions {
	/** Copies of each stream in a NATS cluster; 1, 3 or 5. */
	readonly replicas: number;
	/** Milliseconds that a runtime may hold a durable event before it is delivered again. */
	readonly ackWaitMs: number;
}

export interface Bus {
	readonly routes: KV;
	/** Where large route tables are. */
	readonly tableParts: TableParts;
	readonly policies: KV;
	readonly done: KV;
	readonly costs: KV;
	readonly modules: ObjectStore;
}

/** Creates what is missing and opens the buckets. Safe to call from many processes at once, and again after a reconnect. */
export async function ensureBus(connection: NatsConnection, options: BusOptions): Promise<Bus> {
	const manager = await connection.jetstreamManager();
	for (const stream of streams(options)) await ensureStream(manager, stream);
	await ensureConsumer(manager, EVENT_STREAM, EVENT_CONSUMER, options.ackWaitMs, 1_000);
	await ensureConsumer(manager, EXECUTION_STREAM, EXECUTION_CONSUMER, 30_000, 256);
	const js = connection.jetstream();
	const bucket = { replicas: options.replicas, storage: StorageType.File };
	return {
		routes: await js.views.kv(ROUTE_BUCKET, { ...bucket, history: 1 }),
		tableParts: new TableParts(await js.views.kv(TABLE_PART_BUCKET, { ...bucket, history: 1 }), manager),
		policies: await js.views.kv(POLICY_BUCKET, { ...bucket, history: 1 }),
		done: await js.views.kv(DONE_BUCKET, { ...bucket, history: 1, ttl: DAY_MS }),
		costs: await js.views.kv(COST_BUCKET, { ...bucket, history: 1, ttl: 3 * DAY_MS }),
		modules: await js.views.os(MODULE_STORE, bucket),
	};
}

function streams(options: BusOptions): Partial<StreamConfig>[] {
	const base = { storage: StorageType.File, num_replicas: options.replicas };
	return [
		{
			name: EVENT_STREAM,
			subjects: [DURABLE_EVENT_SUBJECTS],
			// Only pending events hold space, and a full stream refuses the publisher instead of dropping the oldest.
			retention: RetentionPolicy.Workqueue,
			discard: DiscardPolicy.New,
			duplicate_window: nanos(2 * MINUTE_MS),
			max_bytes: 1024 * MIB,
			max_msg_size: MIB,
		},
		{
			name: EXECUTION_STREAM,
			subjects: [EXECUTION_SUBJECTS],
			retention: RetentionPolicy.Workqueue,
			discard: DiscardPolicy.Old,
			duplicate_window: nanos(2 * MINUTE_MS),
			max_age: nanos(7 * DAY_MS),
			max_bytes: 512 * MIB,
		},
		{
			name: DEAD_LETTER_STREAM,
			subjects: [DEAD_LETTER_SUBJECTS],
			retention: RetentionPolicy.Limits,
			discard: DiscardPolicy.Old,
			duplicate_window: nanos(2 * MINUTE_MS),
			max_age: nanos(30 * DAY_MS),
			max_bytes: 512 * MIB,
		},
		{
			name: RECORDING_STREAM,
			subjects: [RECORDING_SUBJECTS],
			retention: RetentionPolicy.Limits,
			// Each place of a recording is taken once, by whichever runtime comes first; a full stream refuses what is new.
			discard: DiscardPolicy.New,
			discard_new_per_subject: true,
			max_msgs_per_subject: 1,
			duplicate_window: nanos(2 * MINUTE_MS),
			// As long as a recording can be there; it is removed before that.
			max_age: nanos((MAX_RECORDING_DAYS + RECORDING_KEPT_DAYS) * DAY_MS),
			max_bytes: 512 * MIB,
		},
		keptByPlugins(STATE_STREAM, STATE_SUBJECTS),
		keptByPlugins(FILE_STREAM, FILE_SUBJECTS),
	].map((stream) => ({ ...base, ...stream }));
}

/** The last message of each subject is what is kept; a full stream refuses what is new. */
function keptByPlugins(name: string, subjects: string): Partial<StreamConfig> {
	return {
		name,
		subjects: [subjects],
		retention: RetentionPolicy.Limits,
		discard: DiscardPolicy.New,
		max_msgs_per_subject: 1,
		discard_new_per_subject: false,
		allow_rollup_hdrs: true,
		max_bytes: 512 * MIB,
		max_msg_size: MIB,
	};
}

const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const NAME_IN_USE = 10058;
const CONSUMER_EXISTS = 10013;
const CONSUMER_NAME_TAKEN = 10105;

async function ensureStream(manager: JetStreamManager, config: Partial<StreamConfig>): Promise<void> {
	await createUnlessThere(
		() => manager.streams.info(config.name as string),
		() => manager.streams.add(config),
		STREAM_NOT_FOUND,
		[NAME_IN_USE],
	);
}

async function ensureConsumer(
	manager: JetStreamManager,
	stream: string,
	name: string,
	ackWaitMs: number,
	maxAckPending: number,
): Promise<void> {
	await createUnlessThere(
		() => manager.consumers.info(stream, name),
		() =>
			manager.consumers.add(stream, {
				durable_name: name,
				ack_policy: AckPolicy.Explicit,
				ack_wait: nanos(ackWaitMs),
				// Attempts are counted by us: a message past the server's maximum would stay in the stream unseen.
				max_deliver: -1,
				max_ack_pending: maxAckPending,
			}),
		CONSUMER_NOT_FOUND,
		[CONSUMER_EXISTS, CONSUMER_NAME_TAKEN],
	);
}

async function createUnlessThere(
	look: () => Promise<unknown>,
	create: () => Promise<unknown>,
	notFound: number,
	alreadyThere: readonly number[],
): Promise<void> {
	try {
		await look();
		return;
	} catch (thrown) {
		if (jetStreamCode(thrown) !== notFound) throw thrown;
	}
	try {
		await create();
	} catch (thrown) {
		// Another process was faster.
		const code = jetStreamCode(thrown);
		if (code === undefined || !alreadyThere.includes(code)) throw thrown;
	}
}

function jetStreamCode(thrown: unknown): number | undefined {
	return thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
}
