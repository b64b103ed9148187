// The placeholder of a value: `[EMAIL_3f9a2c71ab]`. The same value has the same placeholder everywhere in a tenant, so a
// model can tell two people apart and a later event can be restored without anything being stored.
import { HmacSha256 } from "./hmac-sha256";
import { KIND_LABELS } from "./kind";

/** Hex digits of the hash: 40 bits, so that two values of one conversation practically never meet. */
export const HASH_DIGITS: i32 = 10;
/** Letters of the longest label. */
const MAX_LABEL: i32 = 6;

const HEX = "0123456789abcdef";

export class Pseudonyms {
	private hmac: HmacSha256;
	/** Placeholders by value, of each kind: a text that repeats a value is not hashed again. */
	private known: StaticArray<Map<string, string>> = new StaticArray<Map<string, string>>(KIND_LABELS.length);
	/** UTF-16 units of the placeholder that is being made. */
	private units: StaticArray<u16> = new StaticArray<u16>(MAX_LABEL + HASH_DIGITS + 3);

	/** @param key the secret of the configuration, may be empty; `tenant` keeps tenants with the same key apart */
	constructor(key: string, tenant: string) {
		this.hmac = new HmacSha256(utf8(key + "\n" + tenant));
		for (let kind = 0; kind < KIND_LABELS.length; kind++) this.known[kind] = new Map<string, string>();
	}

	/** Placeholder of a value of a kind. */
	placeholder(kind: i32, value: string): string {
		const known = this.known[kind];
		if (known.has(value)) return known.get(value);
		const placeholder = this.make(KIND_LABELS[kind], value);
		known.set(value, placeholder);
		return placeholder;
	}

	private make(label: string, value: string): string {
		const code = this.hmac.sign(utf8(label + ":" + value));
		let count = 0;
		this.units[count++] = 0x5b;
		for (let index = 0; index < label.length; index++) this.units[count++] = <u16>label.charCodeAt(index);
		this.units[count++] = 0x5f;
		for (let index = 0; index < HASH_DIGITS / 2; index++) {
			this.units[count++] = <u16>HEX.charCodeAt(code[index] >> 4);
			this.units[count++] = <u16>HEX.charCodeAt(code[index] & 15);
		}
		this.units[count++] = 0x5d;
		return String.UTF16.decodeUnsafe(changetype<usize>(this.units), (<usize>count) << 1);
	}
}

function utf8(text: string): Uint8Array {
	return Uint8Array.wrap(String.UTF8.encode(text));
}

/**
 * First index after the placeholder `[KIND_hash]` that begins at `at`; 0 when none does. Only the exact form counts: what
 * merely looks like one is ordinary text.
 */
export function placeholderEnd(text: string, at: i32): i32 {
	if (text.charCodeAt(at) != 0x5b) return 0;
	const end = bareEnd(text, at + 1);
	return end > 0 && text.charCodeAt(end) == 0x5d ? end + 1 : 0;
}

/** First index after `KIND_hash` at `at`; 0 when it is none. */
export function bareEnd(text: string, at: i32): i32 {
	for (let kind = 0; kind < KIND_LABELS.length; kind++) {
		const label = KIND_LABELS[kind];
		if (text.charCodeAt(at) != label.charCodeAt(0)) continue;
		let index = 1;
		while (index < label.length && text.charCodeAt(at + index) == label.charCodeAt(index)) index++;
		if (index < label.length || text.charCodeAt(at + index) != 0x5f) continue;
		const from = at + index + 1;
		let digits = 0;
		while (digits < HASH_DIGITS && isLowerHex(text.charCodeAt(from + digits))) digits++;
		return digits == HASH_DIGITS ? from + digits : 0;
	}
	return 0;
}

function isLowerHex(unit: i32): bool {
	return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66);
}
