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
import { applyMergePatch, scopePatch } from "./merge-patch.js";

export interface AppliedResult {
	/** What the plugin did, as far as it was allowed. */
	readonly action: PluginAction;
	/** The event after its patch; only when something changed. */
	readonly event?: HookEvent;
	readonly paths: string[];
	readonly stripped: string[];
	readonly block?: VerdictReason;
	readonly claim?: unknown;
	/** The result cannot be used at all: `bad_output` with this reason. */
	readonly fault?: string;
}

const ALLOWED: Readonly<Record<Effect, PluginAction>> = {
	observe: "continue",
	transform: "modify",
	gate: "block",
	claim: "claim",
};

const isMessage = TypeCompiler.Compile(Message);
const isToolResult = TypeCompiler.Compile(ToolResult);

/** Decides what a checked result may do to the event. Does not change the event that it is given. */
export function applyResult(
	event: HookEvent,
	result: PluginResult,
	effect: Effect,
	paths: readonly string[],
	plugin: string,
): AppliedResult {
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

function modify(event: HookEvent, result: PluginResult, paths: readonly string[], stripped: string[]): AppliedResult {
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
	return { action: "modify", event: { ...event, data: patched.value } as HookEvent, paths: patched.paths, stripped };
}

function claim(event: HookEvent, result: PluginResult, stripped: string[]): AppliedResult {
	const check = event.hook === "on_tool_call" ? isToolResult : isMessage;
	if (!check.Check(result.result)) {
		const what = event.hook === "on_tool_call" ? "ToolResult" : "Message";
		return { action: "continue", paths: [], stripped, fault: `action claim on ${event.hook} needs a ${what} as its result` };
	}
	return { action: "claim", paths: [], stripped, claim: result.result };
}
