// The manifest without code: its tools are HTTP requests. Reads runtime: api_call, endpoints (name, description, method, url, query,
// headers, body, parameters, timeout), functions for what the model is told of them, config_schema, permissions, timeout, rate_limit
// and metadata. It becomes configuration of the plugin api-call, whose module runs it.
import type { NetworkRule } from "@hookbus/schemas";
import { secretFields } from "../../config/config-schema.js";
import { type Config, isObject } from "../../config/merge-config.js";
import { translatePermissions } from "./asked-permissions.js";
import { translateDescription, translateType } from "./descriptive-fields.js";
import { translateRequest } from "./endpoint-request.js";
import { networkRules } from "./endpoint-rules.js";
import { refuseUnknownPlaces, type ToldTool, toldTools, toolOfEndpoint, warnOfOtherFields } from "./endpoint-tools.js";
import { translateConfigMap } from "./function-tools.js";
import { timeIn, translateResources } from "./read-resources.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

/** Milliseconds to wait for a response, as the plugin api-call has them. */
const DEFAULT_TIMEOUT_MS = 8_000;
const MAX_TIMEOUT_MS = 9_500;
/** Milliseconds of the plugin's time besides waiting for a response. */
const OWN_TIME_MS = 500;
/** Room for the longest response that the plugin hands on. */
const OUTPUT_BYTES = 1_048_576;

export function translateDeclaredEndpoints(translation: Translation): void {
	translateDescription(translation);
	translateType(translation, "type");
	translation.take("runtime");
	translation.put("runtime", "api_call", "/runtime");
	if (translation.take("hooks") !== undefined) {
		translation.refuse("/hooks", "a manifest without a module runs at no hook of its own: it answers its tools");
	}
	translateConfigMap(translation, "config_schema");
	translateResources(translation);
	translation.put("hooks", [{ hook: "on_tool_call", effect: "claim", phases: ["request"] }], "/endpoints");
	addEndpoints(translation, toldTools(translation));
	translatePermissions(translation);
}

function addEndpoints(translation: Translation, tools: readonly ToldTool[]): void {
	const config = isObject(translation.manifest["config"])
		? translation.manifest["config"]
		: { type: "object", additionalProperties: false };
	const properties = isObject(config["properties"]) ? config["properties"] : {};
	if (Object.hasOwn(properties, "endpoints")) {
		translation.refuse("/config_schema/endpoints", "is the name under which the requests are kept; choose another one");
	}
	const secrets = secretFields({ config } as unknown as Parameters<typeof secretFields>[0]);
	const wholeMs = limitsOf(translation)["timeoutMs"];
	const rules: { rule: NetworkRule; from: string }[] = [];
	const described: Config[] = [];
	const endpoints = tools.map((tool, index) => {
		warnOfOtherFields(translation, tool);
		const from = tool.endpointFrom;
		const { endpoint, rule, pathPlaces } = translateRequest({ translation, declared: tool.endpoint, from, secrets });
		if (rule !== undefined) rules.push({ rule, from });
		const told = toolOfEndpoint(translation, tool, { index, pathPlaces });
		refuseUnknownPlaces(translation, tool, { parameters: told.parameters, config: properties });
		described.push(told);
		return { name: told.name, ...endpoint, ...defaultsOf(told.parameters), timeoutMs: timeoutOf(translation, tool, wholeMs) };
	});
	translation.put("tools", described, "/endpoints");
	for (const [index, { from }] of tools.entries()) translation.cameFrom(`/tools/${index}`, from);
	translation.put("network", networkRules(translation, rules), "/endpoints");
	translation.manifest["limits"] = {
		...limitsOf(translation),
		timeoutMs: Math.max(...endpoints.map(({ timeoutMs }) => timeoutMs), 1) + OWN_TIME_MS,
		outputBytes: OUTPUT_BYTES,
	};
	if (translation.manifest["config"] === undefined) translation.madeFrom("/config", "/endpoints");
	translation.madeFrom("/config/properties/endpoints", "/endpoints");
	// Part of the version, as code is: no configuration can send the secrets of the rules with another request.
	const requests = { const: endpoints, description: "The requests of the tools, as the manifest declares them" };
	translation.manifest["config"] = { ...config, properties: { ...properties, endpoints: requests } };
	translation.put("defaults", { endpoints }, "/endpoints");
	translation.madeFrom("/defaults/endpoints", "/endpoints");
	translation.warn("/endpoints", `became ${tools.length} tools, answered by the plugin api-call`);
}

function limitsOf({ manifest }: Translation): Config {
	return isObject(manifest["limits"]) ? manifest["limits"] : {};
}

/** Arguments that a call leaves out have the defaults of their schema: the model is told of them. */
function defaultsOf(parameters: Config): { defaults?: Config } {
	const properties = isObject(parameters["properties"]) ? parameters["properties"] : {};
	const defaults = Object.entries(properties).flatMap(([name, schema]) =>
		isObject(schema) && schema["default"] !== undefined ? [[name, schema["default"]] as const] : [],
	);
	return defaults.length === 0 ? {} : { defaults: Object.fromEntries(defaults) };
}

function timeoutOf(translation: Translation, { endpoint, endpointFrom }: ToldTool, wholeMs: unknown): number {
	const declared = endpoint["timeout"];
	const own = declared === undefined ? undefined : timeIn(declared);
	if (declared !== undefined && own === undefined) {
		translation.refuse(`${endpointFrom}/timeout`, `${shown(declared)} is no time; write such as 500ms or 5s`);
	}
	const wanted = own ?? (typeof wholeMs === "number" ? wholeMs : DEFAULT_TIMEOUT_MS);
	if (own !== undefined && own > MAX_TIMEOUT_MS) {
		translation.warn(`${endpointFrom}/timeout`, `${own} ms became ${MAX_TIMEOUT_MS}: this host gives no more`);
	}
	return Math.max(1, Math.min(wanted, MAX_TIMEOUT_MS));
}
