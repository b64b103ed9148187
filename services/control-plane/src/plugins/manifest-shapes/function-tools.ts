// The manifest whose plugin offers functions to the model, each with a map of parameters. Reads functions (name, description,
// parameters), config_schema, runtime, hooks, permissions, rate_limit, timeout, and metadata.
import { escapeToken } from "../../checks/json-schema-faults.js";
import { isObject } from "../../config/merge-config.js";
import { translatePermissions } from "./asked-permissions.js";
import { translateDescription, translateType } from "./descriptive-fields.js";
import { parameterSchema } from "./parameter-map.js";
import { translateResources } from "./read-resources.js";
import { hookEntries } from "./string-hooks.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

const CLAIM = { hook: "on_tool_call", effect: "claim" };

export function translateFunctionTools(translation: Translation): void {
	translateDescription(translation);
	translateType(translation, "type");
	translateModuleRuntime(translation);
	translateConfigMap(translation, "config_schema");
	addTools(translation, "functions");
	translateResources(translation);
	translatePermissions(translation);
}

/** Adds the hooks of the manifest, and a claim for its functions. */
export function addTools(translation: Translation, field: string): void {
	const hooks = hookEntries(translation);
	const listed = translation.take(field);
	if (listed === undefined) return translation.put("hooks", hooks, "/hooks");
	const functions = functionsOf(listed, `/${field}`);
	if (functions === undefined) {
		return translation.refuse(`/${field}`, "must be a list of functions, or an object with each function by its name");
	}
	const tools = functions.map(({ value, from }, index) => toolOf(translation, value, { to: `/tools/${index}`, from }));
	translation.put("tools", tools, `/${field}`);
	if (!hooks.some((entry) => isObject(entry) && entry["hook"] === CLAIM.hook)) hooks.push(CLAIM);
	else translation.refuse("/hooks", `functions answer ${CLAIM.hook}; remove it from the hooks`);
	translation.put("hooks", hooks, "/hooks");
	translation.warn(`/${field}`, `became ${tools.length} tools that the plugin answers at ${CLAIM.hook}`);
}

/** `config_schema` and its like to our `config`. */
export function translateConfigMap(translation: Translation, field: string): void {
	const value = translation.take(field);
	if (value === undefined) return;
	const schema = parameterSchema(translation, value, { to: "/config", from: `/${field}`, of: "config" });
	if (schema !== undefined) translation.put("config", schema, `/${field}`);
}

/** Each function with its place, whether it stands in a list or under its name. */
export function functionsOf(listed: unknown, at: string): { value: unknown; from: string }[] | undefined {
	if (Array.isArray(listed)) return listed.map((value: unknown, index) => ({ value, from: `${at}/${index}` }));
	if (!isObject(listed)) return undefined;
	return Object.entries(listed).map(([name, value]) => ({
		value: isObject(value) ? { name, ...value } : value,
		from: `${at}/${escapeToken(name)}`,
	}));
}

function translateModuleRuntime(translation: Translation): void {
	const runtime = translation.take("runtime");
	if (runtime === undefined || runtime === "wasm") return;
	translation.refuse(
		"/runtime",
		`${shown(runtime)} does not run here; compile the plugin to wasm, or describe its calls: api_call`,
	);
}

/** OpenAI's form wraps a function once more; what is inside is the same. */
function toolOf(translation: Translation, value: unknown, { to, from }: { to: string; from: string }): unknown {
	if (isObject(value) && isObject(value["function"])) {
		return toolOf(translation, value["function"], { to, from: `${from}/function` });
	}
	translation.cameFrom(to, from);
	if (!isObject(value)) {
		translation.refuse(from, "must be a function with name, description and parameters");
		return value;
	}
	const { name, description, parameters, ...others } = value;
	for (const field of Object.keys(others)) {
		translation.warn(`${from}/${escapeToken(field)}`, "is not carried over: a tool has name, description and parameters");
	}
	return { name, description, parameters: toolParameters(translation, parameters, { to, from }) };
}

/** The schema of a tool's arguments; without any, it takes none. */
export function toolParameters(
	translation: Translation,
	parameters: unknown,
	{ to, from }: { readonly to: string; readonly from: string },
): unknown {
	const places = { to: `${to}/parameters`, from: `${from}/parameters`, of: "arguments" } as const;
	return parameterSchema(translation, parameters ?? {}, places);
}
