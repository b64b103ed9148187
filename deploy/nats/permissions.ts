// Who may publish and subscribe what on the bus: the one table. The configuration of nats-server is made from it, and the
// tests try every cell on a real server. Nothing is allowed by default.
//
// What JetStream answers and delivers is published by the server itself, on whatever subject was asked for, past all
// permissions. So whoever may ask JetStream anything in an account can have it publish anywhere in that account, down to the
// requests that purge and delete streams. That is why each tenant has an account of its own, see accounts.ts, and why
// runtimes count as trusted: their permissions stop mistakes and plain misuse of a stolen credential, not this.
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
	HEARTBEAT_SUBJECTS,
	heartbeatSubject,
	MODULE_STORE,
	NOTICE_SUBJECTS,
	noticeSubject,
	POLICY_BUCKET,
	policySubject,
	RECORDING_STREAM,
	RECORDING_SUBJECTS,
	REPLAY_ANSWER_SUBJECTS,
	REPLAY_SUBJECT,
	ROUTE_BUCKET,
	RUNTIME_QUEUE,
	readPolicySubject,
	STATE_STREAM,
	STATE_SUBJECTS,
	TABLE_PART_BUCKET,
	tenantInboxPrefix,
} from "@hookbus/schemas";

export interface Permissions {
	readonly publish: readonly string[];
	/** `<subject> <queue>`: only as a member of that queue group. */
	readonly subscribe: readonly string[];
}

const kv = (bucket: string): string => `KV_${bucket}`;
const MODULE_STREAM = `OBJ_${MODULE_STORE}`;
const BUCKETS = [ROUTE_BUCKET, TABLE_PART_BUCKET, POLICY_BUCKET, DONE_BUCKET, COST_BUCKET];
const STREAMS = [
	EVENT_STREAM,
	EXECUTION_STREAM,
	DEAD_LETTER_STREAM,
	STATE_STREAM,
	FILE_STREAM,
	RECORDING_STREAM,
	...BUCKETS.map(kv),
	MODULE_STREAM,
];

/** All hooks of all assistants of a tenant. */
export const eventsOf = (tenant: string): string => `hooks.v1.${tenant}.*.*`;
/** What the plugins of a tenant publish. */
export const publishedOf = (tenant: string): string => `hookbus.v1.published.${tenant}.>`;
export const inboxesOf = (tenant: string): string => `${tenantInboxPrefix(tenant)}.>`;

/** A chat service of one tenant: sends events, gets verdicts, reads its policy. */
export function publisher(tenant: string): Permissions {
	return {
		publish: [eventsOf(tenant), readPolicySubject(tenant)],
		subscribe: [inboxesOf(tenant), policySubject(tenant)],
	};
}

/** Hears what the plugins of one tenant publish, and what its admins should know. */
export function listener(tenant: string): Permissions {
	return { publish: [], subscribe: [publishedOf(tenant), noticeSubject(tenant)] };
}

/** Reads streams by consumers that it makes for itself. */
function readByConsumers(stream: string): string[] {
	return [
		`$JS.API.CONSUMER.CREATE.${stream}`,
		`$JS.API.CONSUMER.CREATE.${stream}.>`,
		`$JS.API.CONSUMER.INFO.${stream}.*`,
		`$JS.API.CONSUMER.DELETE.${stream}.*`,
		`$JS.FC.${stream}.>`,
	];
}

/** Takes messages from a consumer that is there. */
function takeFrom(stream: string, consumer: string): string[] {
	return [`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, `$JS.ACK.${stream}.${consumer}.>`];
}

/** Both services look at their start whether all is there. */
const LOOK_AT_BUS = [
	"$JS.API.INFO",
	"$JS.API.STREAM.NAMES",
	...STREAMS.map((stream) => `$JS.API.STREAM.INFO.${stream}`),
	`$JS.API.CONSUMER.INFO.${EVENT_STREAM}.${EVENT_CONSUMER}`,
	`$JS.API.CONSUMER.INFO.${EXECUTION_STREAM}.${EXECUTION_CONSUMER}`,
];
const READ_BUCKETS = BUCKETS.map((bucket) => `$JS.API.DIRECT.GET.${kv(bucket)}.>`);
const READ_MODULES = [
	`$JS.API.DIRECT.GET.${MODULE_STREAM}.>`,
	`$JS.API.STREAM.MSG.GET.${MODULE_STREAM}`,
	...readByConsumers(MODULE_STREAM),
];

/** One runtime: takes the events of all tenants, answers them, reports. */
export function runtime(id: string, tenants: readonly string[]): Permissions {
	return {
		publish: [
			...tenants.map(inboxesOf),
			heartbeatSubject(id),
			EXECUTION_SUBJECTS,
			DEAD_LETTER_SUBJECTS,
			RECORDING_SUBJECTS,
			REPLAY_ANSWER_SUBJECTS,
			"hookbus.v1.published.>",
			...LOOK_AT_BUS,
			...takeFrom(EVENT_STREAM, EVENT_CONSUMER),
			...READ_BUCKETS,
			...readByConsumers(kv(ROUTE_BUCKET)),
			`$KV.${DONE_BUCKET}.>`,
			`$KV.${COST_BUCKET}.>`,
			...READ_MODULES,
			STATE_SUBJECTS,
			FILE_SUBJECTS,
			...[STATE_STREAM, FILE_STREAM].flatMap((stream) => [
				`$JS.API.STREAM.MSG.GET.${stream}`,
				`$JS.API.STREAM.MSG.DELETE.${stream}`,
				...readByConsumers(stream),
			]),
		],
		subscribe: [
			`hooks.v1.*.*.* ${RUNTIME_QUEUE}`,
			`${REPLAY_SUBJECT} ${RUNTIME_QUEUE}`,
			HEARTBEAT_SUBJECTS,
			`_INBOX_runtime_${id}.>`,
		],
	};
}

/** Makes the streams, writes route tables, policies and modules, stores executions, works on dead letters and recorded events. */
export function controlPlane(): Permissions {
	return {
		publish: [
			...LOOK_AT_BUS,
			...STREAMS.map((stream) => `$JS.API.STREAM.CREATE.${stream}`),
			...[
				[EVENT_STREAM, EVENT_CONSUMER],
				[EXECUTION_STREAM, EXECUTION_CONSUMER],
			].flatMap(([stream, consumer]) => [
				`$JS.API.CONSUMER.CREATE.${stream}.${consumer}`,
				`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${consumer}`,
			]),
			...takeFrom(EXECUTION_STREAM, EXECUTION_CONSUMER),
			...READ_BUCKETS,
			...readByConsumers(kv(ROUTE_BUCKET)),
			`$KV.${ROUTE_BUCKET}.>`,
			`$KV.${TABLE_PART_BUCKET}.>`,
			`$KV.${POLICY_BUCKET}.>`,
			...READ_MODULES,
			`$O.${MODULE_STORE}.>`,
			...[MODULE_STREAM, STATE_STREAM, FILE_STREAM, RECORDING_STREAM, kv(TABLE_PART_BUCKET)].map(
				(stream) => `$JS.API.STREAM.PURGE.${stream}`,
			),
			`$JS.API.STREAM.MSG.GET.${DEAD_LETTER_STREAM}`,
			`$JS.API.STREAM.MSG.DELETE.${DEAD_LETTER_STREAM}`,
			`$JS.API.STREAM.MSG.GET.${RECORDING_STREAM}`,
			...readByConsumers(DEAD_LETTER_STREAM),
			// Replays dead letters.
			DURABLE_EVENT_SUBJECTS,
			NOTICE_SUBJECTS,
			REPLAY_SUBJECT,
		],
		subscribe: [HEARTBEAT_SUBJECTS, REPLAY_ANSWER_SUBJECTS, `${CONTROL_PLANE_INBOX}.>`],
	};
}

/** Inbox prefix of the control plane. */
export const CONTROL_PLANE_INBOX = "_INBOX_control_plane";

/** A person or a monitor in the system account; no service uses it. */
export function operator(): Permissions {
	return { publish: ["$SYS.REQ.>"], subscribe: ["$SYS.>", "_INBOX.>"] };
}
