// Percent-encoding of everything but the characters that mean nothing anywhere in a URL (RFC 3986, unreserved). What a model
// writes into an argument can then never end a path segment, begin a parameter or name another host.
import { encodeUtf8, TextBuilder } from "@hookbus/plugin-as";

const HEX = "0123456789ABCDEF";

export function percentEncode(text: string): string {
	const bytes = Uint8Array.wrap(encodeUtf8(text));
	const out = new TextBuilder(bytes.length * 2);
	for (let index = 0; index < bytes.length; index++) {
		const byte = <i32>bytes[index];
		if (isUnreserved(byte)) out.addUnit(byte);
		else
			out
				.addUnit(0x25)
				.addUnit(HEX.charCodeAt(byte >> 4))
				.addUnit(HEX.charCodeAt(byte & 15));
	}
	return out.toString();
}

function isUnreserved(byte: i32): bool {
	if ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) return true;
	return byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e;
}

/** Whether a server that decodes a path before it looks at it could read this value as leading out of its place. */
export function mayClimb(value: string): bool {
	let text = value.toLowerCase();
	for (let times = 0; times < 5; times++) text = text.replaceAll("%25", "%");
	text = text.replaceAll("%2e", ".").replaceAll("%2f", "/").replaceAll("%5c", "/").replaceAll("%3b", ";").replaceAll("\\", "/");
	const segments = text.split("/");
	for (let index = 0; index < segments.length; index++) {
		const end = segments[index].indexOf(";");
		const segment = end < 0 ? segments[index] : segments[index].substring(0, end);
		if (segment == "." || segment == "..") return true;
	}
	return false;
}
