// One declared HTTP request: what the plugin api-call gets of it, and where it goes. Reads method, url, query, headers and body. Secrets
// are taken out of it: the host puts them in, and the plugin never has one.
import { HttpMethod, type NetworkRule, type SecretPlacement } from "@hookbus/schemas";
import { escapeToken } from "../../checks/json-schema-faults.js";
import { type Config, isObject } from "../../config/merge-config.js";
import { configOfPlace, jsonTemplate, placeAtEnd, placesIn } from "./template-places.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

const METHODS: readonly unknown[] = HttpMethod.anyOf.map((literal) => literal.const);
const FORM = "application/x-www-form-urlencoded";

export interface DeclaredRequest {
	/** Fields of an endpoint of the plugin api-call. */
	readonly endpoint: Readonly<Record<string, unknown>>;
	/** The network rule that allows it; `undefined` after an error that was noted. */
	readonly rule: NetworkRule | undefined;
	/** Names of the places in its path, which cannot be left out. */
	readonly pathPlaces: readonly string[];
}

export interface RequestSource {
	readonly translation: Translation;
	readonly declared: Config;
	/** Its place in the foreign manifest. */
	readonly from: string;
	/** Names of the secrets of the configuration. */
	readonly secrets: ReadonlySet<string>;
}

export function translateRequest(source: RequestSource): DeclaredRequest {
	const { translation, declared, from } = source;
	const placements: SecretPlacement[] = [];
	const method = methodOf(source);
	const url = typeof declared["url"] === "string" ? declared["url"] : "";
	const [address = "", search = ""] = splitAt(url, "?");
	const query = fieldsWithoutSecrets(source, { ...queryOf(source, search), ...pairs(source, "query") }, "query", placements);
	const headers = fieldsWithoutSecrets(source, pairs(source, "headers"), "headers", placements);
	const body = bodyOf(source, headers);
	for (const [field, value] of Object.entries({ url: address, body: declared["body"] })) refuseSecrets(source, field, value);
	const rule = ruleOf(source, { address, method, placements });
	if (rule === undefined) {
		translation.refuse(
			`${from}/url`,
			`${shown(declared["url"])} is no address: it needs https:// or http:// and a host without {{places}}, and neither #, user, nor . or .. between slashes`,
		);
	}
	return {
		endpoint: { method, url: address, ...unlessEmpty("query", query), ...unlessEmpty("headers", headers), ...body },
		rule,
		pathPlaces: placesIn(address),
	};
}

function methodOf({ translation, declared, from }: RequestSource): string {
	const method = declared["method"] ?? (declared["body"] === undefined ? "GET" : "POST");
	const name = typeof method === "string" ? method.toUpperCase() : "";
	if (METHODS.includes(name) && name !== "OPTIONS") return name;
	translation.refuse(
		`${from}/method`,
		`${shown(method)} is no method; there are ${METHODS.filter((known) => known !== "OPTIONS").join(", ")}`,
	);
	return "GET";
}

/** Parameters that stand in the URL itself. */
function queryOf({ translation, declared, from }: RequestSource, search: string): Record<string, string> {
	const entries = search
		.split("&")
		.filter((pair) => pair !== "")
		.map((pair) => splitAt(pair, "=").map(decoded));
	const query = Object.fromEntries(entries.map(([name = "", value = ""]) => [name, value]));
	const inBoth = isObject(declared["query"])
		? Object.keys(query).filter((name) => Object.hasOwn(declared["query"] as Config, name))
		: [];
	if (inBoth.length > 0 || Object.keys(query).length < entries.length) {
		translation.refuse(`${from}/url`, `has a parameter twice, in itself or in query: ${inBoth[0] ?? "see its query"}`);
	}
	return query;
}

/** An object of texts, as far as it is one. */
function pairs({ translation, declared, from }: RequestSource, field: string): Record<string, string> {
	const value = declared[field] ?? {};
	if (!isObject(value)) {
		translation.refuse(`${from}/${field}`, "must be an object");
		return {};
	}
	const entries = Object.entries(value).flatMap(([name, text]): [string, string][] => {
		if (typeof text === "string" || typeof text === "number" || typeof text === "boolean") return [[name, String(text)]];
		translation.refuse(`${from}/${field}/${escapeToken(name)}`, "must be a text, with {{name}} where a value goes");
		return [];
	});
	return Object.fromEntries(entries);
}

/** Takes out what names a secret, and notes where the host has to put it. */
function fieldsWithoutSecrets(
	source: RequestSource,
	fields: Readonly<Record<string, string>>,
	field: "query" | "headers",
	placements: SecretPlacement[],
): Record<string, string> {
	const kept = Object.entries(fields).filter(([name, text]) => {
		if (secretsIn(source, text).length === 0) return true;
		const place = placeAtEnd(text);
		if (place === undefined) {
			source.translation.refuse(
				`${source.from}/${field}/${escapeToken(name)}`,
				"a secret has to be the end of a header or parameter, with nothing but a fixed text before it: the host puts it in",
			);
			return false;
		}
		const secret = configOfPlace(place.name) ?? "";
		const prefix = place.prefix === "" ? {} : { prefix: place.prefix };
		placements.push(field === "query" ? { secret, query: name, ...prefix } : { secret, header: name, ...prefix });
		return false;
	});
	return Object.fromEntries(kept);
}

function refuseSecrets(source: RequestSource, field: string, value: unknown): void {
	for (const name of secretsIn(source, value)) {
		source.translation.refuse(
			`${source.from}/${field}`,
			`the secret ${name} can stand in a header or a query parameter only: the host puts it in, and the plugin never sees it`,
		);
	}
}

function secretsIn({ secrets }: RequestSource, value: unknown): string[] {
	return placesIn(value).flatMap((place) => {
		const name = configOfPlace(place);
		return name !== undefined && secrets.has(name) ? [name] : [];
	});
}

/** Its headers decide what a text is; JSON is sent as JSON with each value escaped. */
function bodyOf(source: RequestSource, headers: Readonly<Record<string, string>>): Record<string, unknown> {
	const { translation, declared, from } = source;
	const { body } = declared;
	if (body === undefined || body === null) return {};
	const type = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
	if (type.startsWith(FORM)) {
		if (isObject(body)) return { form: pairs(source, "body") };
		if (typeof body === "string") {
			return {
				form: Object.fromEntries(body.split("&").map((pair) => splitAt(pair, "=").map(decoded))) as Record<string, string>,
			};
		}
	}
	if (typeof body !== "string") return { body };
	const json = jsonTemplate(body);
	if (json !== undefined) return { body: json };
	if (type.includes("json")) translation.refuse(`${from}/body`, "is not JSON, and its content type says that it is");
	return { text: body };
}

function ruleOf(
	{ from, translation }: RequestSource,
	{
		address,
		method,
		placements,
	}: { readonly address: string; readonly method: string; readonly placements: readonly SecretPlacement[] },
): NetworkRule | undefined {
	const [, scheme, authority = "", path = ""] = /^(https?):\/\/([^/{}@#\s]+)(\/[^#]*)?$/.exec(address) ?? [];
	if (scheme === undefined || /(^|\/)\.{1,2}(\/|$)/.test(path)) return undefined;
	const fixed = path.split("{{", 1)[0] ?? "";
	// A rule allows a path and all below it, so it ends with the last part that is fixed.
	const prefix = fixed.length < path.length ? fixed.slice(0, fixed.lastIndexOf("/") + 1).replace(/(.)\/$/, "$1") : fixed;
	if (!URL.canParse(`${scheme}://${authority}${prefix}`)) return undefined;
	const url = new URL(`${scheme}://${authority}${prefix}`);
	if (placements.length > 4) translation.refuse(from, "puts in more than 4 secrets");
	return {
		host: url.hostname,
		scheme: scheme as "http" | "https",
		...(url.port === "" ? {} : { port: Number(url.port) }),
		methods: [method],
		path: url.pathname,
		...(placements.length === 0 ? {} : { secrets: [...placements] }),
	};
}

function unlessEmpty(name: string, fields: Readonly<Record<string, string>>): Record<string, unknown> {
	return Object.keys(fields).length === 0 ? {} : { [name]: fields };
}

/** The text before and after the first separator. */
function splitAt(text: string, separator: string): string[] {
	const at = text.indexOf(separator);
	return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A part of a query without its encoding; the plugin encodes it again. */
function decoded(text: string): string {
	try {
		return decodeURIComponent(text.replaceAll("+", " "));
	} catch {
		// A stray percent sign: then it is meant as it stands.
		return text;
	}
}
