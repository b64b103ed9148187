// Describes every NATS subject of the bus as an AsyncAPI 3.0 document, from the runtime's point of view: `receive` is what
// it takes in. Addresses come from the same functions that the code uses, so that the description cannot drift from them.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
	DEAD_LETTER_STREAM,
	DEAD_LETTER_SUBJECTS,
	EVENT_CONSUMER,
	EVENT_SCHEMAS,
	EVENT_STREAM,
	EXECUTION_CONSUMER,
	EXECUTION_STREAM,
	EXECUTION_SUBJECTS,
	eventSubject,
	HEARTBEAT_INTERVAL_MS,
	HEARTBEAT_SUBJECTS,
	HOOKS,
	type HookName,
	MAX_EVENT_BYTES,
	NOTICE_SUBJECTS,
	RUNTIME_QUEUE,
	SubjectToken,
} from "../src/index.js";
import type { JsonObject } from "./json-schemas.js";

const NATS_BINDING = "0.1.0";

/** Parameter name → what it is. All of them are one subject token. */
const PARAMETERS = {
	tenant: "Tenant that the event belongs to",
	assistant: "Assistant whose conversation it is",
	runtime: "Id of the runtime",
} as const;
type Parameter = keyof typeof PARAMETERS;

/**
 * @param schemaNames names of the generated JSON Schemas; a message whose schema is not among them is an error
 */
export function asyncApiDocument(schemaNames: readonly string[]): JsonObject {
	const message = (name: string, more: JsonObject = {}): JsonObject => {
		if (!schemaNames.includes(name)) throw new Error(`message ${name} has no generated schema`);
		return { name, contentType: "application/json", ...more, payload: { $ref: `./json-schema/${name}.json` } };
	};
	const byId = { correlationId: { description: "Id of the event", location: "$message.payload#/id" } };
	const hooks = Object.keys(HOOKS) as HookName[];
	return {
		asyncapi: "3.0.0",
		info: {
			title: "Hookbus",
			version: packageVersion(),
			description:
				"Chat services publish lifecycle events; runtimes run the plugins and answer with verdicts. " +
				"Operations are described from the runtime's point of view: receive is what a runtime takes in. " +
				`The body of an event has at most ${MAX_EVENT_BYTES} bytes.`,
			license: { name: "Apache-2.0" },
		},
		defaultContentType: "application/json",
		servers: { nats: { host: "localhost:4222", protocol: "nats", description: "NATS with JetStream" } },
		channels: {
			...Object.fromEntries(hooks.map((hook) => [hook, hookChannel(hook)])),
			verdict: {
				address: null,
				title: "Verdict",
				description:
					"The reply subject of the event, an inbox of the publisher: _INBOX.<rest>, or _INBOX_<tenant>.<rest>. " +
					"With frames as second token (_INBOX_<tenant>.frames.<rest>) progress frames come before the verdict. " +
					"An event with any other reply subject is not answered.",
				messages: messageRefs("Verdict", "ProgressFrame", "Problem"),
			},
			executions: {
				...channel(EXECUTION_SUBJECTS, ["tenant"]),
				title: "Executions",
				description: "Records of what the plugins did, in batches, on their way to the database",
				messages: messageRefs("ExecutionBatch"),
				"x-jetstream": { stream: EXECUTION_STREAM, consumer: EXECUTION_CONSUMER },
			},
			deadLetters: {
				...channel(DEAD_LETTER_SUBJECTS, ["tenant"]),
				title: "Dead letters",
				description: "Durable events that were given up, with the reason; publishing the body on its subject replays it",
				messages: messageRefs("DeadLetter"),
				"x-jetstream": { stream: DEAD_LETTER_STREAM },
			},
			heartbeats: {
				...channel(HEARTBEAT_SUBJECTS, ["runtime"]),
				title: "Heartbeats",
				description: `What a runtime says about itself every ${HEARTBEAT_INTERVAL_MS} ms, and at once after it applied a route table`,
				messages: messageRefs("RuntimeStatus"),
			},
			notices: {
				...channel(NOTICE_SUBJECTS, ["tenant"]),
				title: "Notices",
				description: "What admins should know at once; published by the control plane, for whoever listens",
				messages: messageRefs("Notice"),
			},
		},
		operations: {
			...Object.fromEntries(hooks.map((hook) => [hook, hookOperation(hook)])),
			sendExecutions: sendOperation("executions", "ExecutionBatch", "Record what the plugins did"),
			sendDeadLetter: sendOperation("deadLetters", "DeadLetter", "Give a durable event up"),
			sendHeartbeat: sendOperation("heartbeats", "RuntimeStatus", "Report liveness and the applied route tables"),
		},
		components: {
			messages: {
				...Object.fromEntries(
					hooks.map((hook) => [
						eventName(hook),
						message(eventName(hook), {
							summary: HOOKS[hook].fires,
							...byId,
							...(HOOKS[hook].delivery === "durable" ? { headers: DURABLE_HEADERS } : {}),
						}),
					]),
				),
				Verdict: message("Verdict", { summary: "The bus's answer to an event", ...byId }),
				ProgressFrame: message("ProgressFrame", { summary: "The event is being worked on; the verdict follows" }),
				Problem: message("Problem", {
					summary: "The event was refused before any plugin ran",
					contentType: "application/problem+json",
				}),
				ExecutionBatch: message("ExecutionBatch"),
				DeadLetter: message("DeadLetter"),
				RuntimeStatus: message("RuntimeStatus"),
				Notice: message("Notice"),
			},
			parameters: Object.fromEntries(
				Object.entries(PARAMETERS).map(([name, description]) => [
					name,
					{ description: `${description}: ${SubjectToken.pattern}` },
				]),
			),
		},
	};
}

const DURABLE_HEADERS = {
	type: "object",
	properties: {
		"Nats-Msg-Id": { type: "string", description: "Id of the event; a second one with the same id is dropped for two minutes" },
	},
} as const;

function eventName(hook: HookName): string {
	return EVENT_SCHEMAS[hook].$id as string;
}

function hookChannel(hook: HookName): JsonObject {
	const durable = HOOKS[hook].delivery === "durable";
	return {
		...channel(eventSubject({ tenant: "_", hook, assistant: "_" }).replaceAll("._", ".*"), ["tenant", "assistant"]),
		title: hook,
		description: durable
			? `Fires when ${HOOKS[hook].fires}. Publish to JetStream: the event is kept until every plugin has handled it.`
			: `Fires ${HOOKS[hook].fires}. Send as a request: the reply is the verdict; no responders means that no plugin is bound.`,
		messages: messageRefs(eventName(hook)),
		...(durable ? { "x-jetstream": { stream: EVENT_STREAM, consumer: EVENT_CONSUMER } } : {}),
	};
}

function hookOperation(hook: HookName): JsonObject {
	const { delivery, effects } = HOOKS[hook];
	return {
		action: "receive",
		channel: { $ref: `#/channels/${hook}` },
		title: hook,
		summary: `Run the plugins of ${hook}`,
		messages: [{ $ref: `#/channels/${hook}/messages/${eventName(hook)}` }],
		"x-effects": effects,
		...(delivery === "durable"
			? {}
			: {
					bindings: { nats: { queue: RUNTIME_QUEUE, bindingVersion: NATS_BINDING } },
					reply: {
						channel: { $ref: "#/channels/verdict" },
						messages: ["Verdict", "ProgressFrame", "Problem"].map((name) => ({ $ref: `#/channels/verdict/messages/${name}` })),
					},
				}),
	};
}

function sendOperation(channelName: string, messageName: string, summary: string): JsonObject {
	return {
		action: "send",
		channel: { $ref: `#/channels/${channelName}` },
		summary,
		messages: [{ $ref: `#/channels/${channelName}/messages/${messageName}` }],
	};
}

/** The address of a subject pattern, each `*` as the named parameter. */
function channel(pattern: string, parameters: readonly Parameter[]): JsonObject {
	const names = [...parameters];
	const address = pattern.replaceAll("*", () => {
		const name = names.shift();
		if (name === undefined) throw new Error(`subject ${pattern} has more wildcards than names: ${parameters.join(", ")}`);
		return `{${name}}`;
	});
	if (names.length > 0) throw new Error(`subject ${pattern} has no place for ${names.join(", ")}`);
	return {
		address,
		parameters: Object.fromEntries(parameters.map((name) => [name, { $ref: `#/components/parameters/${name}` }])),
	};
}

function messageRefs(...names: string[]): JsonObject {
	return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function packageVersion(): string {
	const text = readFileSync(resolve(import.meta.dirname, "../package.json"), "utf8");
	return (JSON.parse(text) as { version: string }).version;
}
