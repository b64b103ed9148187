// The short manifest whose hooks are names alone. Reads hooks (names such as on_chat_message, message or OnBeforeResponse), order
// or priority, permissions, and what describes the plugin. Each hook gets the effect that its plugins are written for there.
import { HOOK_NAMES, type HookEntry, type HookName } from "@hookbus/schemas";
import { translatePermissions } from "./asked-permissions.js";
import { translateDescription, translateType } from "./descriptive-fields.js";
import { translateResources } from "./read-resources.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

/** Other names of the hooks, without `on` and without anything but letters. */
const NAMES: ReadonlyMap<string, HookName> = new Map([
	...HOOK_NAMES.map((hook): [string, HookName] => [lettersOf(hook), hook]),
	["message", "on_chat_message"],
]);
/** Exports that the host calls without being asked to. */
const LIFECYCLE = ["initialize", "shutdown"];

const ENTRIES: Readonly<Record<HookName, HookEntry>> = {
	on_chat_message: { hook: "on_chat_message", effect: "transform", paths: ["/messages"] },
	on_tool_call: { hook: "on_tool_call", effect: "transform", paths: ["/call/arguments", "/result/content"] },
	on_before_response: { hook: "on_before_response", effect: "transform", paths: ["/response/message"] },
	on_after_response: { hook: "on_after_response", effect: "observe" },
};

/** Whether a manifest's `hooks` are names. */
export function hasStringHooks(hooks: unknown): hooks is unknown[] {
	return Array.isArray(hooks) && hooks.some((hook) => typeof hook === "string");
}

export function translateStringHooks(translation: Translation): void {
	translateDescription(translation);
	translateType(translation, "type");
	translation.put("hooks", hookEntries(translation), "/hooks");
	translateResources(translation);
	translatePermissions(translation);
}

/** The entry of a name in `hooks`; `undefined` when it is no hook. */
export function hookOfName(name: string): HookName | undefined {
	return NAMES.get(lettersOf(name));
}

/** The entries of `hooks`; those that are entries already stay. */
export function hookEntries(translation: Translation): unknown[] {
	const hooks = translation.take("hooks");
	if (!Array.isArray(hooks)) {
		if (hooks !== undefined) translation.refuse("/hooks", `must be a list of ${HOOK_NAMES.join(", ")}`);
		return [];
	}
	const order = translation.take("order") ?? translation.take("priority");
	const entries: unknown[] = [];
	hooks.forEach((hook: unknown, index) => {
		const from = `/hooks/${index}`;
		const entry = typeof hook === "string" ? entryOf(translation, hook, from) : hook;
		if (entry === undefined) return;
		translation.cameFrom(`/hooks/${entries.length}`, from);
		entries.push(typeof hook === "string" && order !== undefined ? { ...(entry as HookEntry), order } : entry);
	});
	return entries;
}

function entryOf(translation: Translation, name: string, path: string): HookEntry | undefined {
	if (LIFECYCLE.includes(lettersOf(name))) {
		translation.warn(path, `${name} is no hook: the host calls the export ${lettersOf(name)} of every plugin that has it`);
		return undefined;
	}
	const hook = hookOfName(name);
	if (hook === undefined) {
		translation.refuse(path, `${shown(name)} is no hook; there are ${HOOK_NAMES.join(", ")}`);
		return undefined;
	}
	const entry = ENTRIES[hook];
	const where = entry.paths === undefined ? "" : ` on ${entry.paths.join(" and ")}`;
	const gate = entry.effect === "transform" ? "; a plugin that blocks has to write {hook, effect: gate}" : "";
	translation.warn(path, `${shown(name)} became ${hook} with effect ${entry.effect}${where}${gate}`);
	return entry;
}

function lettersOf(name: string): string {
	return name
		.toLowerCase()
		.replace(/[^a-z]/g, "")
		.replace(/^on/, "");
}
