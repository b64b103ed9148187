// What a plugin's result does to the event, within what its effect allows. Everything else that it asked for is stripped and
// named in the trail: a transform cannot block, a gate cannot patch, whatever the plugin returns.
import {
	type Effect,
	firstDataFault,
	type HookEvent,
	isEventData,
	Message,
	type PluginAction,
	type PluginResult,
	ToolResult,
	type VerdictReason,
} from "@hookbus/schemas";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { applyMergePatch, type JsonObject, scopePatch } from "./merge-patch.js";
import { DEFAULT_PAYLOAD_BYTES, jsonBytes, MAX_ANNOTATION_BYTES, type VerdictSize, verdictBudget } from "./verdict-size.js";

export interface AppliedResult {
	/** What the plugin did, as far as it was allowed. */
	readonly action: PluginAction;
	/** The event after its patch; only when something changed. */
	readonly event?: HookEvent;
	/** Its data as JSON. */
	readonly data?: string;
	readonly paths: string[];
	readonly stripped: string[];
	/** Of its patch, what it was allowed to change; only when something changed. */
	readonly patch?: JsonObject;
	readonly block?: VerdictReason;
	readonly claim?: unknown;
	/** The result cannot be used at all, for this reason. */
	readonly fault?: string;
	/** How the invocation ends when there is a fault. Default: `bad_output`. */
	readonly outcome?: "output_too_large";
	/** Size of the verdict with this result in it. */
	readonly size: VerdictSize;
	/** The same when only the trail names it. */
	readonly shadowSize: VerdictSize;
}

/** A result before it is known whether the verdict has room for it. */
type Decided = Omit<AppliedResult, "outcome" | "size" | "shadowSize">;

const ALLOWED: Readonly<Record<Effect, PluginAction>> = {
	observe: "continue",
	transform: "modify",
	gate: "block",
	claim: "claim",
};

const isMessage = TypeCompiler.Compile(Message);
const isToolResult = TypeCompiler.Compile(ToolResult);

/**
 * Decides what a checked result may do to the event. Does not change the event that it is given.
 *
 * @param size of the verdict before this result
 * @param maxBytes most bytes of the verdict's counted parts
 */
export function applyResult(
	event: HookEvent,
	result: PluginResult,
	effect: Effect,
	paths: readonly string[],
	plugin: string,
	size: VerdictSize = { data: 0, rest: 0 },
	maxBytes: number = verdictBudget(DEFAULT_PAYLOAD_BYTES),
): AppliedResult {
	const decided = decide(event, result, effect, paths, plugin);
	if (decided.fault !== undefined) return { ...decided, size, shadowSize: size };
	const annotations = effect === "observe" ? 0 : jsonBytes(result.annotations);
	const shadowSize = { ...size, rest: size.rest + listBytes(decided.paths) + listBytes(decided.stripped) };
	const next: VerdictSize = {
		data: decided.data === undefined ? size.data : Buffer.byteLength(decided.data),
		rest: shadowSize.rest + annotations + jsonBytes(decided.claim),
	};
	const fault = sizeFault(annotations, next.data + next.rest, maxBytes);
	if (fault === undefined) return { ...decided, size: next, shadowSize };
	return { action: "continue", paths: [], stripped: [], fault, outcome: "output_too_large", size, shadowSize: size };
}

function listBytes(pointers: readonly string[]): number {
	return pointers.length === 0 ? 0 : jsonBytes(pointers);
}

function sizeFault(annotations: number, verdict: number, maxBytes: number): string | undefined {
	if (annotations > MAX_ANNOTATION_BYTES)
		return `its annotations have ${annotations} bytes as JSON; the limit is ${MAX_ANNOTATION_BYTES}`;
	if (verdict > maxBytes) return `the verdict would have ${verdict} bytes with its result; the limit is ${maxBytes}`;
	return undefined;
}

function decide(event: HookEvent, result: PluginResult, effect: Effect, paths: readonly string[], plugin: string): Decided {
	const stripped: string[] = [];
	if (result.action !== "continue" && result.action !== ALLOWED[effect]) {
		stripped.push(`action ${result.action}`);
		return { action: "continue", paths: [], stripped };
	}
	if (result.patch !== undefined && result.action !== "modify") stripped.push("patch");
	if (result.result !== undefined && result.action !== "claim") stripped.push("result");
	switch (result.action) {
		case "continue":
			return { action: "continue", paths: [], stripped };
		case "modify":
			return modify(event, result, paths, stripped);
		case "block":
			return {
				action: "block",
				paths: [],
				stripped,
				block: {
					code: result.reason ?? "blocked",
					...(result.message === undefined ? {} : { message: result.message }),
					plugin,
				},
			};
		case "claim":
			return claim(event, result, stripped);
	}
}

function modify(event: HookEvent, result: PluginResult, paths: readonly string[], stripped: string[]): Decided {
	if (result.patch === undefined) return { action: "continue", paths: [], stripped, fault: "action modify without a patch" };
	const scope = scopePatch(result.patch, paths, event.data);
	stripped.push(...scope.refused);
	const patched = applyMergePatch(event.data, scope.allowed);
	if (patched.paths.length === 0) return { action: "continue", paths: [], stripped };
	if (!isEventData(event.hook, patched.value)) {
		const fault = firstDataFault(event.hook, patched.value);
		return {
			action: "continue",
			paths: [],
			stripped,
			fault: `its patch makes the data invalid: ${fault === undefined ? "unknown fault" : `${fault.path || "/"}: ${fault.message}`}`,
		};
	}
	const changed = { ...event, data: patched.value } as HookEvent;
	const data = JSON.stringify(patched.value);
	return { action: "modify", event: changed, data, paths: patched.paths, stripped, patch: scope.allowed };
}

function claim(event: HookEvent, result: PluginResult, stripped: string[]): Decided {
	const check = event.hook === "on_tool_call" ? isToolResult : isMessage;
	if (!check.Check(result.result)) {
		const what = event.hook === "on_tool_call" ? "ToolResult" : "Message";
		return { action: "continue", paths: [], stripped, fault: `action claim on ${event.hook} needs a ${what} as its result` };
	}
	return { action: "claim", paths: [], stripped, claim: result.result };
}
