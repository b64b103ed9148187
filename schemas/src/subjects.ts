// Builds and parses NATS subjects: the only place that knows their grammar.
//
//   hooks.v1.<tenant>.<hook>.<assistant>      events, chat service → runtime
//   hookbus.v1.executions.<tenant>            execution batches, runtime → control plane (stream)
//   hookbus.v1.dead.<tenant>                  dead letters, runtime → stream
//   hookbus.v1.runtimes.<runtime>.heartbeat   liveness and applied revisions, runtime → control plane
//   hookbus.v1.state.<tenant>.<plugin>.<key>  what a plugin keeps (stream); the key is base64url of the plugin's own
//   hookbus.v1.files.<tenant>.<plugin>.<path> files that a plugin keeps (stream); the path likewise
//   hookbus.v1.published.<tenant>.<plugin>.<topic>  what a plugin publishes, for whoever listens
//   hookbus.v1.recordings.<tenant>.<recording>.<place>  copies of events, runtime → control plane (stream); place counts from 1
//   hookbus.v1.replays.run                    asks a runtime to run a recorded event again, control plane → one of the runtimes
//   hookbus.v1.replays.answers.<request>      its answers
//   hookbus.v1.notices.<tenant>               what admins should know at once, control plane → whoever listens
//   _INBOX_<tenant>.<rest>                    inboxes of a tenant's clients; with `frames` as second token the client
//                                             understands progress frames before the verdict
//   _INBOX.<rest>                             default inboxes of any NATS client
import { POLICY_BUCKET } from "./bus.js";
import { type HookName, isHookName } from "./hook.js";
import { isSubjectToken } from "./identifiers.js";

export interface EventAddress {
	tenant: string;
	hook: HookName;
	assistant: string;
}

function token(kind: string, value: string): string {
	if (!isSubjectToken(value)) {
		throw new TypeError(`${kind} "${value}" cannot stand in a subject; use 1–64 characters of A–Z a–z 0–9 _ -`);
	}
	return value;
}

/** Subject of one event. Throws TypeError when tenant or assistant is not a subject token. */
export function eventSubject(address: EventAddress): string {
	return `hooks.v1.${token("tenant", address.tenant)}.${address.hook}.${token("assistant", address.assistant)}`;
}

/** Subject that matches the events of a hook for every assistant of a tenant. */
export function eventSubjectForAllAssistants(tenant: string, hook: HookName): string {
	return `hooks.v1.${token("tenant", tenant)}.${hook}.*`;
}

/** The address in an event's subject, or `undefined` when it is no event subject of this version. Does not throw. */
export function parseEventSubject(subject: string): EventAddress | undefined {
	const tokens = subject.split(".");
	if (tokens.length !== 5 || tokens[0] !== "hooks" || tokens[1] !== "v1") return undefined;
	const [, , tenant, hook, assistant] = tokens as [string, string, string, string, string];
	if (!isHookName(hook) || !isSubjectToken(tenant) || !isSubjectToken(assistant)) return undefined;
	return { tenant, hook, assistant };
}

/** What the stream of durable events captures. */
export const DURABLE_EVENT_SUBJECTS = "hooks.v1.*.on_after_response.*";

export const EXECUTION_SUBJECTS = "hookbus.v1.executions.*";
export const DEAD_LETTER_SUBJECTS = "hookbus.v1.dead.*";
export const HEARTBEAT_SUBJECTS = "hookbus.v1.runtimes.*.heartbeat";
export const NOTICE_SUBJECTS = "hookbus.v1.notices.*";

export function executionSubject(tenant: string): string {
	return `hookbus.v1.executions.${token("tenant", tenant)}`;
}

export function deadLetterSubject(tenant: string): string {
	return `hookbus.v1.dead.${token("tenant", tenant)}`;
}

export function noticeSubject(tenant: string): string {
	return `hookbus.v1.notices.${token("tenant", tenant)}`;
}

/** Where the entry of a tenant in the bucket of policies is published; whoever subscribes hears when to read it again. */
export function policySubject(tenant: string): string {
	return `$KV.${POLICY_BUCKET}.${token("tenant", tenant)}`;
}

/** A request to this subject is answered with the tenant's entry in the bucket of policies (JetStream's direct get). */
export function readPolicySubject(tenant: string): string {
	return `$JS.API.DIRECT.GET.KV_${POLICY_BUCKET}.${policySubject(tenant)}`;
}

export const RECORDING_SUBJECTS = "hookbus.v1.recordings.*.*.*";

/** Subjects of all events of a recording. */
export function recordedSubjects(tenant: string, recording: string): string {
	return `hookbus.v1.recordings.${token("tenant", tenant)}.${token("recording", recording)}.*`;
}

/** Subject of the event at one place of a recording, counted from 1. */
export function recordedSubject(tenant: string, recording: string, place: number): string {
	return `hookbus.v1.recordings.${token("tenant", tenant)}.${token("recording", recording)}.${place}`;
}

/** Whose recorded event it is, or `undefined` when the subject is none of these. Does not throw. */
export function parseRecordedSubject(subject: string): { tenant: string; recording: string; place: number } | undefined {
	const [, tenant, recording, place] = /^hookbus\.v1\.recordings\.([\w-]+)\.([\w-]+)\.(\d{1,6})$/.exec(subject) ?? [];
	if (tenant === undefined || recording === undefined) return undefined;
	return { tenant, recording, place: Number(place) };
}

export const REPLAY_SUBJECT = "hookbus.v1.replays.run";
export const REPLAY_ANSWER_SUBJECTS = "hookbus.v1.replays.answers.*";

/** Where one request to replay is answered. */
export function replayAnswerSubject(request: string): string {
	return `hookbus.v1.replays.answers.${token("request", request)}`;
}

/** True for subjects on which requests to replay may be answered, and for no others. */
export function isReplayAnswerSubject(subject: string): boolean {
	return /^hookbus\.v1\.replays\.answers\.[A-Za-z0-9_-]{1,64}$/.test(subject);
}

export const STATE_SUBJECTS = "hookbus.v1.state.*.*.*";
export const FILE_SUBJECTS = "hookbus.v1.files.*.*.*";

/** Which of a plugin's two stores. */
export type StoreKind = "state" | "files";

/** Subjects of everything that a plugin keeps in one of its stores. */
export function storeSubjects(kind: StoreKind, tenant: string, plugin: string): string {
	return `hookbus.v1.${kind}.${token("tenant", tenant)}.${token("plugin", plugin)}.*`;
}

/** Subject of one thing that a plugin keeps. Any text is a valid name, the empty one is not. */
export function storeSubject(kind: StoreKind, tenant: string, plugin: string, name: string): string {
	if (name === "") throw new TypeError("the name of what a plugin keeps is empty");
	const key = Buffer.from(name).toString("base64url");
	return `hookbus.v1.${kind}.${token("tenant", tenant)}.${token("plugin", plugin)}.${key}`;
}

/** The name that a plugin gave to what it keeps under this subject. */
export function storedName(subject: string): string {
	return Buffer.from(subject.slice(subject.lastIndexOf(".") + 1), "base64url").toString("utf8");
}

/** Subject of what a plugin publishes. Throws TypeError when the topic is not 1–4 subject tokens joined by dots. */
export function publishedSubject(tenant: string, plugin: string, topic: string): string {
	const tokens = topic.split(".");
	if (tokens.length > 4) throw new TypeError(`topic "${topic}" has ${tokens.length} parts; at most 4 are allowed`);
	return [
		"hookbus.v1.published",
		token("tenant", tenant),
		token("plugin", plugin),
		...tokens.map((part) => token("topic", part)),
	].join(".");
}

export function heartbeatSubject(runtime: string): string {
	return `hookbus.v1.runtimes.${token("runtime", runtime)}.heartbeat`;
}

/** Inbox prefix of a tenant's clients; allow only this one in the tenant's NATS permissions. */
export function tenantInboxPrefix(tenant: string): string {
	return `_INBOX_${token("tenant", tenant)}`;
}

export interface ReplyAddress {
	/** The client understands progress frames before the verdict. */
	frames: boolean;
}

const inboxRest = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$/;

/**
 * Checks that a reply subject is an inbox that a client of this tenant may own. Whoever answers any reply subject can be
 * made to publish anywhere (a crafted one deleted a stream), so the runtime answers only what this function accepts.
 *
 * @param reply the message's reply subject
 * @param tenant the tenant in the event's subject
 * @param tenantInboxOnly true: only `_INBOX_<tenant>.…`; false: also the default `_INBOX.…` of any NATS client
 * @returns `undefined` when the subject must not be answered
 */
export function parseReplySubject(reply: string, tenant: string, tenantInboxOnly: boolean): ReplyAddress | undefined {
	if (reply.length > 256) return undefined;
	const own = `_INBOX_${tenant}.`;
	if (reply.startsWith(own)) {
		const rest = reply.slice(own.length);
		return inboxRest.test(rest) ? { frames: rest.startsWith("frames.") } : undefined;
	}
	if (!tenantInboxOnly && reply.startsWith("_INBOX.")) {
		return inboxRest.test(reply.slice("_INBOX.".length)) ? { frames: false } : undefined;
	}
	return undefined;
}
