// One endpoint of the configuration, checked. What is wrong with it makes the activation fail with its place, and not a tool call
// months later.
import { Config, Json } from "@hookbus/plugin-as";
import { Template } from "./template";

const METHODS: StaticArray<string> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const FIELDS: StaticArray<string> = [
	"name",
	"method",
	"url",
	"query",
	"headers",
	"body",
	"form",
	"text",
	"defaults",
	"timeoutMs",
	"maxBytes",
];
const MAX_ENDPOINTS = 64;
const DEFAULT_TIMEOUT_MS: i64 = 8000;
const MAX_TIMEOUT_MS: i64 = 9500;
const DEFAULT_BYTES: i64 = 65536;
/** Six bytes of output for each of these, at worst, fit into the output of 1 MiB. */
const MAX_BYTES: i64 = 160000;

/** A named template: a query parameter, a header, or a field of a form. */
export class Field {
	readonly name: string;
	readonly template: Template;

	constructor(name: string, template: Template) {
		this.name = name;
		this.template = template;
	}
}

export class Endpoint {
	/** Name of the tool that it answers. */
	readonly name: string;
	readonly method: string;
	/** Scheme, host and port, without places. */
	readonly origin: string;
	/** From the first slash, without query. */
	readonly path: Template;
	readonly query: Array<Field>;
	readonly headers: Array<Field>;
	/** Body as JSON, its strings being templates; null for none. */
	readonly body: Json | null;
	/** Body as a form; null for none. */
	readonly form: Array<Field> | null;
	/** Body as text; null for none. */
	readonly text: Template | null;
	/** Values of arguments that a call leaves out. */
	readonly defaults: Json;
	/** Milliseconds to wait for the response. */
	readonly timeoutMs: i32;
	/** Most bytes of a response that the model gets to see. */
	readonly maxBytes: i32;

	constructor(reader: FieldReader) {
		const name = reader.text("name", "");
		this.name = name;
		const method = reader.text("method", "GET").toUpperCase();
		this.method = method;
		if (!METHODS.includes(method)) reader.refuse("method", `must be one of ${METHODS.join(", ")}`);
		const url = reader.text("url", "");
		const end = originLength(url);
		if (name.length == 0) reader.refuse("name", "must be the name of a tool");
		if (end == 0) reader.refuse("url", "must begin with https:// or http:// and a host without places");
		if (url.includes("?") || url.includes("#")) reader.refuse("url", "must have no ? and no #; parameters belong into query");
		this.origin = url.substring(0, end);
		this.path = reader.template("url", end < url.length ? url.substring(end) : "/");
		this.query = reader.fields("query");
		this.headers = reader.fields("headers");
		const body = reader.get("body");
		this.body = body;
		const form = reader.get("form");
		this.form = form !== null ? reader.fields("form") : null;
		const text = reader.get("text");
		this.text = text !== null ? reader.template("text", reader.text("text", "")) : null;
		const bodies = i32(body !== null) + i32(form !== null) + i32(text !== null);
		if (bodies > 1) reader.refuse("body", "must be the only one of body, form and text");
		if (body !== null) reader.checkBody(body);
		const defaults = reader.get("defaults");
		this.defaults = defaults !== null && defaults.isObject ? defaults : Json.ofObject();
		this.timeoutMs = reader.integer("timeoutMs", DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
		this.maxBytes = reader.integer("maxBytes", DEFAULT_BYTES, MAX_BYTES);
	}
}

/** Reads the fields of one endpoint and notes what is wrong with them. */
class FieldReader {
	private readonly json: Json;
	private readonly config: Config;
	private readonly at: string;

	constructor(json: Json, config: Config, at: string) {
		this.json = json;
		this.config = config;
		this.at = at;
		for (let index = 0; index < json.size; index++) {
			if (!FIELDS.includes(json.nameAt(index))) this.refuse(json.nameAt(index), `is not known; there are ${FIELDS.join(", ")}`);
		}
	}

	refuse(field: string, rule: string): void {
		this.config.refuse(`${this.at}.${field}`, rule);
	}

	get(field: string): Json | null {
		const value = this.json.get(field);
		return value !== null && !value.isNull ? value : null;
	}

	text(field: string, fallback: string): string {
		const value = this.get(field);
		if (value === null) return fallback;
		if (!value.isString) this.refuse(field, "must be a string");
		return value.asString();
	}

	integer(field: string, fallback: i64, most: i64): i32 {
		const value = this.get(field);
		const number = value !== null ? value.asInteger(-1) : fallback;
		if (number < 1 || number > most) this.refuse(field, `must be an integer from 1 to ${most}`);
		return <i32>number;
	}

	template(field: string, text: string): Template {
		const template = new Template(text);
		if (template.fault.length > 0) this.refuse(field, template.fault);
		return template;
	}

	/** An object whose values are strings, numbers or truth values. */
	fields(field: string): Array<Field> {
		const fields: Array<Field> = [];
		const value = this.get(field);
		if (value === null) return fields;
		if (!value.isObject) this.refuse(field, "must be an object");
		for (let index = 0; index < value.size; index++) {
			const name = value.nameAt(index);
			const inner = value.at(index);
			if (inner.isObject || inner.isArray) this.refuse(`${field}.${name}`, "must be a string");
			fields.push(new Field(name, this.template(`${field}.${name}`, inner.isString ? inner.asString() : inner.toString())));
		}
		return fields;
	}

	/** Every string inside is a template. */
	checkBody(value: Json): void {
		if (value.isString) this.template("body", value.asString());
		if (!value.isObject && !value.isArray) return;
		for (let index = 0; index < value.size; index++) this.checkBody(value.at(index));
	}
}

/** All endpoints of a configuration; what is wrong with them is in `config.fault` afterwards. */
export function readEndpoints(config: Config): Array<Endpoint> {
	const endpoints: Array<Endpoint> = [];
	const listed = config.json.get("endpoints");
	if (listed === null || !listed.isArray || listed.size > MAX_ENDPOINTS) {
		config.refuse("endpoints", `must be a list of at most ${MAX_ENDPOINTS} endpoints`);
		return endpoints;
	}
	for (let index = 0; index < listed.size; index++) {
		const json = listed.at(index);
		if (json.isObject) endpoints.push(new Endpoint(new FieldReader(json, config, `endpoints[${index}]`)));
		else config.refuse(`endpoints[${index}]`, "must be an object with name, method, url and more");
	}
	return endpoints;
}

/** Length of scheme, host and port; 0 when the URL has none, or when a place is part of it. */
function originLength(url: string): i32 {
	const begin = url.startsWith("https://") ? 8 : url.startsWith("http://") ? 7 : 0;
	if (begin == 0) return 0;
	const slash = url.indexOf("/", begin);
	const end = slash < 0 ? url.length : slash;
	const place = url.indexOf("{{");
	return end > begin && (place < 0 || place > end) ? end : 0;
}
