// The manifest that describes a plugin by its settings and its needs. Reads configSchema, defaultConfig, pluginType, entryPoint,
// resources (memory, timeout), minVersion, dependencies, permissions, and hooks, tools or functions where it has them.
import { HOST_API_VERSION } from "@hookbus/schemas";
import { secretFields } from "../../config/config-schema.js";
import { isObject } from "../../config/merge-config.js";
import { translatePermissions } from "./asked-permissions.js";
import { translateDescription, translateType } from "./descriptive-fields.js";
import { addTools, translateConfigMap } from "./function-tools.js";
import { translateResources } from "./read-resources.js";
import { hookOfName } from "./string-hooks.js";
import type { Translation } from "./translation.js";
import { scalarText, shown } from "./written-values.js";

/** Fields that only this shape has. */
export const SETTINGS_FIELDS = ["configSchema", "defaultConfig", "pluginType", "entryPoint", "resources", "minVersion"];

export function translateSettingsAndResources(translation: Translation): void {
	translateDescription(translation);
	translateType(translation, "pluginType");
	translateMinVersion(translation);
	translateConfigMap(translation, "configSchema");
	translateDefaults(translation);
	const entryPoint = translation.take("entryPoint");
	addTools(translation, translation.take("tools") === undefined ? "functions" : "tools");
	addHooksOfEntryPoint(translation, entryPoint);
	translateResources(translation);
	warnOfDependencies(translation);
	translatePermissions(translation);
}

function translateMinVersion(translation: Translation): void {
	const value = translation.take("minVersion");
	if (value === undefined) return;
	translation.put("hookbus", `>=${scalarText(value)}`, "/minVersion");
	translation.warn("/minVersion", `is taken as the version of the host API, which is ${HOST_API_VERSION} here`);
}

/** A secret that is empty by default has none. */
function translateDefaults(translation: Translation): void {
	const value = translation.take("defaultConfig");
	if (value === undefined) return;
	const secrets = secretFields({ config: translation.manifest["config"] } as Parameters<typeof secretFields>[0]);
	const defaults = isObject(value)
		? Object.fromEntries(Object.entries(value).filter(([name, set]) => !(secrets.has(name) && (set === "" || set === null))))
		: value;
	translation.put("defaults", defaults, "/defaultConfig");
}

/** Plugins of this shape need not say when they run: then the entry point does, or they are one tool. */
function addHooksOfEntryPoint(translation: Translation, entryPoint: unknown): void {
	const hooks = translation.manifest["hooks"];
	const hasNone = Array.isArray(hooks) && hooks.length === 0;
	const hook = typeof entryPoint === "string" ? hookOfName(entryPoint) : undefined;
	if (hook === undefined && entryPoint !== undefined && entryPoint !== "plugin.wasm") {
		translation.warn(
			"/entryPoint",
			`${shown(entryPoint)} is not used: a package's module is plugin.wasm, with a function for each hook`,
		);
	}
	if (!hasNone || translation.errors.length > 0) return;
	if (hook === "on_after_response" || translation.manifest["type"] === "notify") {
		translation.put("hooks", [{ hook: "on_after_response", effect: "observe" }], "/entryPoint");
		return translation.warn("", "says not at which hooks it runs, and notifies: it observes on_after_response");
	}
	if (hook !== undefined && hook !== "on_tool_call") {
		const path = hook === "on_chat_message" ? "/messages" : "/response/message";
		translation.put("hooks", [{ hook, effect: "transform", paths: [path] }], "/entryPoint");
		return translation.warn("/entryPoint", `became ${hook} with effect transform on ${path}`);
	}
	const { name, description } = translation.manifest;
	const tool = String(name).replaceAll("-", "_");
	translation.put("hooks", [{ hook: "on_tool_call", effect: "claim" }], "/entryPoint");
	translation.put("tools", [{ name: tool, description, parameters: { type: "object" } }], "/entryPoint");
	translation.warn(
		"",
		`says not at which hooks it runs: it is one tool, ${tool}, with any arguments; add hooks or tools to say more`,
	);
}

function warnOfDependencies(translation: Translation): void {
	const value = translation.take("dependencies");
	const count = typeof value === "object" && value !== null ? Object.keys(value).length : 0;
	if (count > 0) translation.warn("/dependencies", "is not carried over: install what the plugin needs beside it");
}
