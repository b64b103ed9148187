// Tells the kinds of replies apart. Replies come from the network: a wrong one must become a value, never an exception,
// because an exception in a subscription's callback ends the connection's read loop.
import {
	type HookName,
	isEventData,
	isProgressFrame,
	isVerdict,
	type Problem,
	Problem as ProblemSchema,
	type Verdict,
} from "@hookbus/schemas";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { Msg } from "nats";
import { messageOf } from "./nats-failures.js";

export type Reply =
	| { readonly kind: "verdict"; readonly verdict: Verdict }
	| { readonly kind: "frame" }
	| { readonly kind: "problem"; readonly problem: Problem }
	| { readonly kind: "no_responders" }
	| { readonly kind: "garbage"; readonly detail: string };

/** Status of the message with which a NATS server says that nobody listens. */
const NO_RESPONDERS_STATUS = 503;
/** A progress frame is shorter than this; a longer late reply need not be parsed to know that it is none. */
const MAX_FRAME_BYTES = 256;

const problemCheck = TypeCompiler.Compile(ProblemSchema);

/** Reads the reply to this event. Does not throw. */
export function readReply(message: Msg, expected: { readonly id: string; readonly hook: HookName }): Reply {
	if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS_STATUS) return { kind: "no_responders" };
	const value = parse(message.data);
	if (value instanceof Error) return { kind: "garbage", detail: `the reply is no JSON: ${messageOf(value)}` };
	if (isVerdict(value)) return checked(value, expected);
	if (isProgressFrame(value)) return { kind: "frame" };
	if (problemCheck.Check(value)) return { kind: "problem", problem: value };
	return { kind: "garbage", detail: "the reply is neither verdict nor progress frame nor problem" };
}

/** True when a reply that nobody waits for any more is a progress frame, and so of no interest. */
export function isLateFrame(message: Msg): boolean {
	return message.data.length <= MAX_FRAME_BYTES && isProgressFrame(parse(message.data));
}

function checked(verdict: Verdict, expected: { readonly id: string; readonly hook: HookName }): Reply {
	if (verdict.id !== expected.id || verdict.hook !== expected.hook) {
		return { kind: "garbage", detail: `the reply is a verdict on ${verdict.hook} ${verdict.id}` };
	}
	// A change that is announced and not there would let through what a plugin meant to take out.
	if (verdict.action === "modified" && verdict.data === undefined)
		return { kind: "garbage", detail: "the verdict says modified and has no data" };
	if (verdict.data !== undefined && !isEventData(verdict.hook, verdict.data)) {
		return { kind: "garbage", detail: `the verdict's data is not valid for ${verdict.hook}` };
	}
	return { kind: "verdict", verdict };
}

function parse(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
	} catch (cause) {
		return cause instanceof Error ? cause : new Error(String(cause));
	}
}
