// From an endpoint and values to a request. Each place has its own encoding, and a value that cannot stand in its place is the
// model's mistake, which it reads and corrects: nothing is cut, dropped or let through.
import { HttpRequest, Json } from "@hookbus/plugin-as";
import { Endpoint, Field } from "./endpoint";
import { mayClimb, percentEncode } from "./percent-encode";
import { Template } from "./template";
import { textOf, Values } from "./values";

export class BuiltRequest {
	/** Null: see {@link fault}. */
	readonly request: HttpRequest | null;
	/** What is wrong with the values, for the model. */
	readonly fault: string;

	constructor(request: HttpRequest | null, fault: string) {
		this.request = request;
		this.fault = fault;
	}
}

export function buildRequest(endpoint: Endpoint, values: Values): BuiltRequest {
	const fault = pathFault(endpoint.path, values);
	if (fault.length > 0) return new BuiltRequest(null, fault);
	const query = pairsOf(endpoint.query, values);
	const url = endpoint.origin + pathOf(endpoint.path, values) + (query.length > 0 ? `?${query}` : "");
	const request = new HttpRequest(url, endpoint.method);
	setBody(request, endpoint, values);
	for (let index = 0; index < endpoint.headers.length; index++) {
		const field = endpoint.headers[index];
		if (values.missing(field.template).length > 0) continue;
		const value = values.fill(field.template);
		if (!isHeaderText(value)) {
			return new BuiltRequest(
				null,
				`${namesOf(field.template)} must be printable ASCII without line breaks: it goes into the header ${field.name}`,
			);
		}
		request.header(field.name, value);
	}
	return new BuiltRequest(request, "");
}

/** Empty when each value can stand in the path. */
function pathFault(path: Template, values: Values): string {
	for (let index = 0; index < path.names.length; index++) {
		const name = path.names[index];
		const text = textOf(values.find(name));
		if (text.length == 0) return `${name} must not be empty: it is a part of the address`;
		if (mayClimb(text)) return `${name} must not have . or .. between slashes: it is a part of the address`;
	}
	// Two harmless values side by side can be a dot segment together.
	return mayClimb(pathOf(path, values)) ? `${namesOf(path)} must not make . or .. a part of the address` : "";
}

function pathOf(path: Template, values: Values): string {
	let text = path.literals[0];
	for (let index = 0; index < path.names.length; index++) {
		text += percentEncode(textOf(values.find(path.names[index]))) + path.literals[index + 1];
	}
	return text;
}

/** Parameters of a query or a form. One without a value is left out; a list is a parameter for each of its values. */
function pairsOf(fields: Array<Field>, values: Values): string {
	const pairs: Array<string> = [];
	for (let index = 0; index < fields.length; index++) {
		const template = fields[index].template;
		if (values.missing(template).length > 0) continue;
		const name = percentEncode(fields[index].name);
		const list = template.isPlaceOnly ? values.find(template.names[0]) : null;
		if (list !== null && list.isArray) {
			for (let item = 0; item < list.size; item++) pairs.push(`${name}=${percentEncode(textOf(list.at(item)))}`);
		} else {
			pairs.push(`${name}=${percentEncode(values.fill(template))}`);
		}
	}
	return pairs.join("&");
}

/** Sets the content type as well; a header of the endpoint replaces it. */
function setBody(request: HttpRequest, endpoint: Endpoint, values: Values): void {
	const body = endpoint.body;
	const form = endpoint.form;
	const text = endpoint.text;
	if (body !== null) {
		const filled = fillJson(body, values);
		request.json(filled !== null ? filled : Json.ofNull());
	} else if (form !== null) {
		request.header("content-type", "application/x-www-form-urlencoded").body(pairsOf(form, values));
	} else if (text !== null) {
		request.header("content-type", "text/plain; charset=utf-8").body(values.fill(text));
	}
}

/** The template with its values; a string that is one place takes the value with its type. Null: there is no value. */
function fillJson(template: Json, values: Values): Json | null {
	if (template.isString) {
		const text = new Template(template.asString());
		if (!text.hasPlaces) return template;
		return text.isPlaceOnly ? values.find(text.names[0]) : Json.ofString(values.fill(text));
	}
	if (template.isArray) {
		const filled = Json.ofArray();
		for (let index = 0; index < template.size; index++) {
			const value = fillJson(template.at(index), values);
			if (value !== null) filled.push(value);
		}
		return filled;
	}
	if (!template.isObject) return template;
	const filled = Json.ofObject();
	for (let index = 0; index < template.size; index++) {
		const value = fillJson(template.at(index), values);
		if (value !== null) filled.set(template.nameAt(index), value);
	}
	return filled;
}

function isHeaderText(text: string): bool {
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit < 0x20 || unit > 0x7e) return false;
	}
	return true;
}

function namesOf(template: Template): string {
	return template.names.join(" and ");
}
