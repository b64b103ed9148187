// A JSON value: read from an event, built for a result, or a mixture of both. What came with the event keeps its exact
// text until somebody replaces it, so a patch changes what the plugin meant to change and nothing else. One file in spite of
// its length: it is one class, and AssemblyScript has no way to divide one.
import { JsonDocument } from "./json-document";
import { JsonKind } from "./json-kind";
import { JsonParser } from "./json-parser";
import { decodeJsonString } from "./json-string";
import { JsonWriter } from "./json-writer";
import { nearestDouble } from "./nearest-double";
import { encodeUtf8 } from "./utf8";

/** A value, or why the text has none. */
export class JsonParse {
	/** Null when the text is not JSON. */
	readonly value: Json | null;
	/** What is wrong and at which byte; empty when nothing is. */
	readonly fault: string;

	constructor(value: Json | null, fault: string) {
		this.value = value;
		this.fault = fault;
	}
}

export class Json {
	readonly kind: JsonKind;
	private truth: bool = false;
	/** Set for a value that was read; its text lies in the document. */
	readonly document: JsonDocument | null;
	/** Number of the value in its document. */
	readonly value: i32;
	/** A string's text or a number's digits, once they were needed or when they were built. */
	private chars: string | null = null;
	/** Values of an array or object that was opened or built. */
	private values: Array<Json> | null = null;
	/** Member names, parallel to {@link values}. */
	private names: Array<string> | null = null;

	constructor(kind: JsonKind, document: JsonDocument | null = null, value: i32 = 0) {
		this.kind = kind;
		this.document = document;
		this.value = value;
	}

	// ---- reading -------------------------------------------------------------------------------------------------------

	/** Reads a JSON text in UTF-8. The bytes must not be changed afterwards: the value refers to them. */
	static read(bytes: ArrayBuffer): JsonParse {
		const parser = new JsonParser(bytes);
		if (!parser.parse()) return new JsonParse(null, parser.fault);
		return new JsonParse(Json.at(parser.document, 0), "");
	}

	/** Reads a JSON text. */
	static parse(text: string): JsonParse {
		return Json.read(encodeUtf8(text));
	}

	private static at(document: JsonDocument, value: i32): Json {
		const first = load<u8>(document.base + <usize>document.start(value));
		if (first == 0x22) return new Json(JsonKind.String, document, value);
		if (first == 0x7b) return new Json(JsonKind.Object, document, value);
		if (first == 0x5b) return new Json(JsonKind.Array, document, value);
		if (first == 0x6e) return new Json(JsonKind.Null, document, value);
		if (first == 0x74 || first == 0x66) {
			const json = new Json(JsonKind.Bool, document, value);
			json.truth = first == 0x74;
			return json;
		}
		return new Json(JsonKind.Number, document, value);
	}

	// ---- building ------------------------------------------------------------------------------------------------------

	static ofNull(): Json {
		return new Json(JsonKind.Null);
	}

	static ofBool(value: bool): Json {
		const json = new Json(JsonKind.Bool);
		json.truth = value;
		return json;
	}

	static ofInteger(value: i64): Json {
		const json = new Json(JsonKind.Number);
		json.chars = value.toString();
		return json;
	}

	/** A number; null when the value is not finite, because JSON has no such number. */
	static ofNumber(value: f64): Json {
		if (!isFinite(value)) return Json.ofNull();
		const json = new Json(JsonKind.Number);
		const digits = value.toString();
		json.chars = digits.endsWith(".0") ? digits.substring(0, digits.length - 2) : digits;
		return json;
	}

	/** A number by its exact digits, such as "0.10" or "12345678901234567890"; null when the text is not a JSON number. */
	static ofNumeral(digits: string): Json {
		const parsed = Json.parse(digits).value;
		return parsed !== null && parsed.kind == JsonKind.Number ? parsed : Json.ofNull();
	}

	static ofString(text: string): Json {
		const json = new Json(JsonKind.String);
		json.chars = text;
		return json;
	}

	/** An array; empty, or of these values. */
	static ofArray(values: Array<Json> = []): Json {
		const json = new Json(JsonKind.Array);
		json.values = values;
		return json;
	}

	/** An empty object; fill it with {@link set}. */
	static ofObject(): Json {
		const json = new Json(JsonKind.Object);
		json.values = [];
		json.names = [];
		return json;
	}

	// ---- scalars -------------------------------------------------------------------------------------------------------

	get isNull(): bool {
		return this.kind == JsonKind.Null;
	}

	get isString(): bool {
		return this.kind == JsonKind.String;
	}

	get isNumber(): bool {
		return this.kind == JsonKind.Number;
	}

	get isArray(): bool {
		return this.kind == JsonKind.Array;
	}

	get isObject(): bool {
		return this.kind == JsonKind.Object;
	}

	/** True for `true`; false for everything else. */
	asBool(): bool {
		return this.truth;
	}

	/** The text of a string; empty for everything else. */
	asString(): string {
		return this.kind == JsonKind.String ? this.scalarText() : "";
	}

	/** The exact digits of a number; empty for everything else. */
	asNumeral(): string {
		return this.kind == JsonKind.Number ? this.scalarText() : "";
	}

	/** A number as the nearest f64; NaN for everything else. */
	asNumber(): f64 {
		return this.kind == JsonKind.Number ? nearestDouble(this.scalarText()) : f64.NaN;
	}

	/** A number as an integer: `fallback` for everything else, for fractions, and outside of ±2^53. */
	asInteger(fallback: i64 = 0): i64 {
		const number = this.asNumber();
		return Math.abs(number) <= 9007199254740992 && Math.trunc(number) == number ? <i64>number : fallback;
	}

	private scalarText(): string {
		const known = this.chars;
		if (known !== null) return known;
		const document = this.document;
		if (document === null) return "";
		const text =
			this.kind == JsonKind.String
				? decodeJsonString(document, this.value)
				: String.UTF8.decodeUnsafe(
						document.base + document.start(this.value),
						document.end(this.value) - document.start(this.value),
					);
		this.chars = text;
		return text;
	}

	// ---- arrays and objects --------------------------------------------------------------------------------------------

	/** Number of elements or members; 0 for everything else. */
	get size(): i32 {
		return this.opened().length;
	}

	/** Element or member value at an index; a trap outside of 0 … size - 1. */
	at(index: i32): Json {
		return this.opened()[index];
	}

	/** Member name at an index; a trap outside of 0 … size - 1. */
	nameAt(index: i32): string {
		this.opened();
		return (this.names as Array<string>)[index];
	}

	/** A member by its name, null when there is none. Of a name that stands twice the last counts, as in JSON.parse. */
	get(name: string): Json | null {
		const index = this.indexOf(name);
		return index < 0 ? null : this.opened()[index];
	}

	/** The string member of this name; `fallback` when it is missing or something else. */
	getString(name: string, fallback: string = ""): string {
		const member = this.get(name);
		return member !== null && member.kind == JsonKind.String ? member.scalarText() : fallback;
	}

	/** The boolean member of this name; `fallback` when it is missing or something else. */
	getBool(name: string, fallback: bool = false): bool {
		const member = this.get(name);
		return member !== null && member.kind == JsonKind.Bool ? member.truth : fallback;
	}

	/** The integer member of this name; `fallback` when it is missing or something else. */
	getInteger(name: string, fallback: i64 = 0): i64 {
		const member = this.get(name);
		return member !== null ? member.asInteger(fallback) : fallback;
	}

	/** Sets a member (the last of that name, else a new one at the end) and returns this object. */
	set(name: string, value: Json): Json {
		const values = this.opened();
		const index = this.indexOf(name);
		if (index >= 0) {
			values[index] = value;
		} else {
			values.push(value);
			(this.names as Array<string>).push(name);
		}
		return this;
	}

	/** Removes every member of this name; returns whether there was one. */
	remove(name: string): bool {
		const values = this.opened();
		let removed = false;
		for (let index = this.indexOf(name); index >= 0; index = this.indexOf(name)) {
			values.splice(index, 1);
			(this.names as Array<string>).splice(index, 1);
			removed = true;
		}
		return removed;
	}

	/** Gives the member at an index another name. */
	renameAt(index: i32, name: string): void {
		this.opened();
		(this.names as Array<string>)[index] = name;
	}

	/** Replaces the element or member value at an index. */
	replaceAt(index: i32, value: Json): void {
		this.opened()[index] = value;
	}

	/** Appends an element and returns this array. */
	push(value: Json): Json {
		this.opened().push(value);
		return this;
	}

	/** Puts an element in front and returns this array. */
	unshift(value: Json): Json {
		this.opened().unshift(value);
		return this;
	}

	private indexOf(name: string): i32 {
		this.opened();
		const names = this.names;
		if (names === null) return -1;
		for (let index = names.length - 1; index >= 0; index--) {
			if (names[index] == name) return index;
		}
		return -1;
	}

	private opened(): Array<Json> {
		const known = this.values;
		if (known !== null) return known;
		const values: Array<Json> = [];
		this.values = values;
		const document = this.document;
		if (document === null || !(this.kind == JsonKind.Object || this.kind == JsonKind.Array)) return values;
		const end = document.next(this.value);
		let child = this.value + 1;
		if (this.kind == JsonKind.Array) {
			for (; child < end; child = document.next(child)) values.push(Json.at(document, child));
			return values;
		}
		const names: Array<string> = [];
		this.names = names;
		for (; child < end; child = document.next(child + 1)) {
			names.push(decodeJsonString(document, child));
			values.push(Json.at(document, child + 1));
		}
		return values;
	}

	// ---- writing -------------------------------------------------------------------------------------------------------

	/** The value as JSON text in UTF-8. */
	toBytes(): ArrayBuffer {
		const writer = new JsonWriter();
		this.writeTo(writer);
		return writer.bytes();
	}

	/** The value as JSON text. */
	toString(): string {
		return String.UTF8.decode(this.toBytes());
	}

	/** Appends the value's JSON text. */
	writeTo(writer: JsonWriter): void {
		const values = this.values;
		const document = this.document;
		if (document !== null && values === null) {
			writer.raw(document.base + document.start(this.value), document.end(this.value) - document.start(this.value));
			return;
		}
		switch (this.kind) {
			case JsonKind.Null:
				return writer.ascii("null");
			case JsonKind.Bool:
				return writer.ascii(this.truth ? "true" : "false");
			case JsonKind.Number:
				return writer.ascii(this.chars as string);
			case JsonKind.String:
				return writer.string(this.chars as string);
			default:
				return this.writeMembers(writer, values as Array<Json>);
		}
	}

	private writeMembers(writer: JsonWriter, values: Array<Json>): void {
		const names = this.names;
		writer.byte(names === null ? 0x5b : 0x7b);
		for (let index = 0; index < values.length; index++) {
			if (index > 0) writer.byte(0x2c);
			if (names !== null) {
				writer.string(names[index]);
				writer.byte(0x3a);
			}
			values[index].writeTo(writer);
		}
		writer.byte(names === null ? 0x5d : 0x7d);
	}
}
