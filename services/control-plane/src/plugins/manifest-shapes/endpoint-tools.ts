// What the model is told of a declared request: by the function that goes with it, or by the request itself. Reads functions (name,
// endpoint, description, parameters), and of endpoints name, description and parameters.
import { escapeToken } from "../../checks/json-schema-faults.js";
import { type Config, isObject } from "../../config/merge-config.js";
import { functionsOf, toolParameters } from "./function-tools.js";
import { argumentOfPlace, configOfPlace, placesIn } from "./template-places.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

/** As many as a manifest can have tools. */
const MAX_ENDPOINTS = 64;

export interface ToldTool {
	/** Name, description and parameters, of the function or of the endpoint. */
	readonly told: Config;
	/** Place of `told`. */
	readonly from: string;
	readonly endpoint: Config;
	readonly endpointFrom: string;
}

/** A function goes with the endpoint that it names, or that has its name; without functions each endpoint tells for itself. */
export function toldTools(translation: Translation): ToldTool[] {
	const endpoints = entriesOf(translation, "endpoints") ?? [];
	const functions = entriesOf(translation, "functions");
	if (endpoints.length === 0) {
		translation.refuse("/endpoints", "must be a list of requests, each with name, method and url");
		return [];
	}
	if (Math.max(endpoints.length, functions?.length ?? 0) > MAX_ENDPOINTS) {
		translation.refuse("/endpoints", `there are more than ${MAX_ENDPOINTS} requests or functions; divide them among plugins`);
		return [];
	}
	if (functions === undefined) {
		return endpoints.map(({ value, from }) => ({ told: value, from, endpoint: value, endpointFrom: from }));
	}
	const used = new Set<string>();
	const tools = functions.flatMap(({ value, from }) => {
		const wanted = value["endpoint"] ?? value["name"];
		const found = endpoints.find((endpoint) => endpoint.value["name"] === wanted);
		if (found === undefined) {
			translation.refuse(from, `there is no endpoint with the name ${shown(wanted)}`);
			return [];
		}
		used.add(found.from);
		return [{ told: value, from, endpoint: found.value, endpointFrom: found.from }];
	});
	for (const { from } of endpoints) {
		if (!used.has(from)) translation.warn(from, "is not carried over: no function calls it");
	}
	return tools;
}

function entriesOf(translation: Translation, field: string): { value: Config; from: string }[] | undefined {
	const listed = translation.take(field);
	if (listed === undefined) return undefined;
	const entries = functionsOf(listed, `/${field}`);
	if (entries === undefined) translation.refuse(`/${field}`, "must be a list, or an object with each by its name");
	return (entries ?? []).flatMap(({ value, from }) => {
		if (isObject(value)) return [{ value, from }];
		translation.refuse(from, "must be an object");
		return [];
	});
}

/**
 * The tool, with a schema of its arguments. Where no parameters are declared, they are the places of the request.
 *
 * @param pathPlaces places that cannot be left out
 */
export function toolOfEndpoint(
	translation: Translation,
	{ told, from, endpoint }: ToldTool,
	{ index, pathPlaces }: { readonly index: number; readonly pathPlaces: readonly string[] },
): { name: unknown; description: unknown; parameters: Config } {
	const to = `/tools/${index}`;
	translation.cameFrom(to, from);
	const { name } = told;
	let { description } = told;
	if (description === undefined) {
		description = `Calls ${String(endpoint["url"]).split("?", 1)[0] ?? ""}`;
		translation.warn(`${from}/description`, "is missing: the model is told the address, and little else");
	}
	if (told["parameters"] !== undefined) {
		const schema = toolParameters(translation, told["parameters"], { to, from });
		return { name, description, parameters: isObject(schema) ? schema : {} };
	}
	const names = argumentsIn(endpoint);
	if (names.length > 0) translation.warn(`${from}/parameters`, `are missing: ${names.join(", ")} became texts`);
	const required = [...new Set(pathPlaces.filter((place) => configOfPlace(place) === undefined).map(argumentOfPlace))];
	return {
		name,
		description,
		parameters: {
			type: "object",
			properties: Object.fromEntries(names.map((argument) => [argument, { type: "string" }])),
			...(required.length === 0 ? {} : { required }),
		},
	};
}

/** Refuses places that no value can ever fill: a misspelt one would silently send nothing. */
export function refuseUnknownPlaces(
	translation: Translation,
	{ endpoint, endpointFrom }: ToldTool,
	{ parameters, config }: { readonly parameters: Config; readonly config: Config },
): void {
	const known = isObject(parameters["properties"]) ? parameters["properties"] : {};
	for (const [field, value] of Object.entries(endpoint)) {
		if (!REQUEST_FIELDS.includes(field)) continue;
		for (const place of placesIn(value)) {
			const setting = configOfPlace(place);
			const isKnown = setting === undefined ? Object.hasOwn(known, argumentOfPlace(place)) : Object.hasOwn(config, setting);
			if (isKnown) continue;
			const what = setting === undefined ? "no parameter of this name" : "no such value in config_schema";
			translation.refuse(`${endpointFrom}/${field}`, `{{${place}}} stands for nothing: there is ${what}`);
		}
	}
}

/** Warns of fields that mean nothing here. */
export function warnOfOtherFields(translation: Translation, { told, from, endpoint, endpointFrom }: ToldTool): void {
	const others = new Map<string, unknown>();
	for (const field of Object.keys(told)) others.set(`${from}/${escapeToken(field)}`, field);
	for (const field of Object.keys(endpoint)) others.set(`${endpointFrom}/${escapeToken(field)}`, field);
	for (const [path, field] of others) {
		if (!TOLD_FIELDS.includes(field as string) && !REQUEST_FIELDS.includes(field as string)) {
			translation.warn(path, "is not carried over: a request has method, url, query, headers, body and timeout");
		}
	}
}

const REQUEST_FIELDS = ["method", "url", "query", "headers", "body"];
const TOLD_FIELDS = ["name", "description", "parameters", "endpoint", "timeout"];

function argumentsIn(endpoint: Config): string[] {
	const places = placesIn(REQUEST_FIELDS.map((field) => endpoint[field]));
	return [...new Set(places.filter((place) => configOfPlace(place) === undefined).map(argumentOfPlace))];
}
