// The AsyncAPI document describes the subjects to people who never see the code. Checked here: its own rules (references,
// parameters, messages) and that its addresses are those that the code builds and parses.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
	DEAD_LETTER_SUBJECTS,
	deadLetterSubject,
	EXECUTION_SUBJECTS,
	executionSubject,
	HEARTBEAT_SUBJECTS,
	HOOKS,
	type HookName,
	heartbeatSubject,
	NOTICE_SUBJECTS,
	noticeSubject,
	parseEventSubject,
	RUNTIME_QUEUE,
} from "@hookbus/schemas";
import { describe, expect, test } from "vitest";

const FILE = resolve(import.meta.dirname, "../../schemas/generated/asyncapi.json");

interface Reference {
	$ref: string;
}
interface Channel {
	address: string | null;
	parameters?: Record<string, Reference>;
	messages: Record<string, Reference>;
}
interface Operation {
	action: string;
	channel: Reference;
	messages: Reference[];
	bindings?: { nats?: { queue?: string; bindingVersion?: string } };
	reply?: { channel: Reference; messages: Reference[] };
}
interface Document {
	asyncapi: string;
	info: { title: string; version: string };
	channels: Record<string, Channel>;
	operations: Record<string, Operation>;
	components: { messages: Record<string, { payload: Reference }> };
}

const document = JSON.parse(readFileSync(FILE, "utf8")) as Document;
const HOOK_NAMES = Object.keys(HOOKS) as HookName[];

/** What a reference leads to; `undefined` when it leads nowhere. */
function follow(reference: string): unknown {
	const [file = "", pointer = ""] = reference.split("#");
	if (file !== "") {
		const path = join(dirname(FILE), file);
		return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
	}
	const keys = pointer.split("/").slice(1);
	return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

function allReferences(): string[] {
	const found: string[] = [];
	JSON.stringify(document, (key, value: unknown) => {
		if (key === "$ref") found.push(value as string);
		return value;
	});
	return found;
}

function fill(address: string): string {
	return address.replaceAll(/\{(\w+)\}/g, (_, name: string) => `a-${name}`);
}

test("it is a document of version 3.0 with a title and a version", () => {
	expect(document.asyncapi).toBe("3.0.0");
	expect(document.info.title).not.toBe("");
	expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
});

test("every reference leads to something", () => {
	expect(allReferences().length).toBeGreaterThan(20);
	expect(allReferences().filter((reference) => follow(reference) === undefined)).toEqual([]);
});

describe.each(Object.entries(document.channels))("channel %s", (_name, { address, parameters, messages }) => {
	test("has a parameter for each brace in its address, and none besides", () => {
		const inAddress = [...(address ?? "").matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
		expect(Object.keys(parameters ?? {})).toEqual(inAddress);
	});

	test("has messages", () => {
		expect(Object.keys(messages)).not.toEqual([]);
	});
});

describe.each(Object.entries(document.operations))("operation %s", (_name, operation) => {
	test("uses messages of its channels only", () => {
		for (const { $ref } of operation.messages) expect($ref.startsWith(`${operation.channel.$ref}/messages/`)).toBe(true);
		for (const { $ref } of operation.reply?.messages ?? []) {
			expect($ref.startsWith(`${operation.reply?.channel.$ref}/messages/`)).toBe(true);
		}
		expect(["receive", "send"]).toContain(operation.action);
	});
});

describe.each(HOOK_NAMES)("hook %s", (hook) => {
	const channel = document.channels[hook] as Channel;
	const operation = document.operations[hook] as Operation;

	test("has the address that the code parses", () => {
		expect(parseEventSubject(fill(channel.address as string))).toEqual({ tenant: "a-tenant", hook, assistant: "a-assistant" });
	});

	test("is received in the queue group and answered, unless it is durable", () => {
		expect(operation.action).toBe("receive");
		const durable = HOOKS[hook].delivery === "durable";
		expect(operation.bindings?.nats?.queue).toBe(durable ? undefined : RUNTIME_QUEUE);
		expect(operation.reply === undefined).toBe(durable);
	});

	test("carries the event of this hook", () => {
		const [reference] = operation.messages;
		const message = follow((follow((reference as Reference).$ref) as Reference).$ref) as { payload: Reference };
		const schema = follow(message.payload.$ref) as { properties: { hook: { const: string } } };
		expect(schema.properties.hook.const).toBe(hook);
	});
});

test.each([
	["executions", executionSubject("a-tenant"), EXECUTION_SUBJECTS],
	["deadLetters", deadLetterSubject("a-tenant"), DEAD_LETTER_SUBJECTS],
	["heartbeats", heartbeatSubject("a-runtime"), HEARTBEAT_SUBJECTS],
	["notices", noticeSubject("a-tenant"), NOTICE_SUBJECTS],
])("%s have the address that the code builds and subscribes to", (name, built, pattern) => {
	const address = document.channels[name]?.address as string;
	expect(fill(address)).toBe(built);
	expect(address.replaceAll(/\{\w+\}/g, "*")).toBe(pattern);
});
