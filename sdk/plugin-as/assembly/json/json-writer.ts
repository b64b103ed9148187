// Collects JSON text as UTF-8. One growing buffer, so that a large patch is copied once and not once for each level.
import { storeUtf8 } from "./utf8";

const HEX = "0123456789abcdef";

export class JsonWriter {
	private buffer: ArrayBuffer = new ArrayBuffer(1024);
	private length: usize = 0;

	/** What was written, as a buffer of exactly that size. */
	bytes(): ArrayBuffer {
		return this.buffer.slice(0, <i32>this.length);
	}

	/** Address of what was written; valid until the next write. */
	get begin(): usize {
		return changetype<usize>(this.buffer);
	}

	/** Number of bytes written. */
	get size(): usize {
		return this.length;
	}

	byte(byte: u8): void {
		this.reserve(1);
		store<u8>(this.begin + this.length, byte);
		this.length++;
	}

	/** Copies bytes that are JSON already. */
	raw(at: usize, length: usize): void {
		this.reserve(length);
		memory.copy(this.begin + this.length, at, length);
		this.length += length;
	}

	/** Writes ASCII as it is, without quotes. */
	ascii(text: string): void {
		this.reserve(text.length);
		for (let index = 0; index < text.length; index++) store<u8>(this.begin + this.length + index, <u8>text.charCodeAt(index));
		this.length += text.length;
	}

	/** Writes a quoted string; half surrogates and control characters as escapes, everything else as itself. */
	string(text: string): void {
		const units = text.length;
		this.byte(0x22);
		// Three bytes are the most that a unit takes without an escape; escapes ask for their own room.
		this.reserve(units * 3 + 8);
		let out = this.begin + this.length;
		for (let index = 0; index < units; index++) {
			const unit = <u32>text.charCodeAt(index);
			if (unit < 0x80) {
				if (unit < 0x20 || unit == 0x22 || unit == 0x5c) {
					out = this.escape(out, unit, units - index);
				} else {
					store<u8>(out, <u8>unit);
					out++;
				}
			} else if ((unit & 0xf800) != 0xd800) {
				out += storeUtf8(out, unit);
			} else {
				const next = text.charCodeAt(index + 1);
				if (unit < 0xdc00 && (next & ~0x3ff) == 0xdc00) {
					out += storeUtf8(out, 0x10000 + ((unit & 0x3ff) << 10) + (<u32>next & 0x3ff));
					index++;
				} else {
					out = this.escape(out, unit, units - index);
				}
			}
		}
		this.length = out - this.begin;
		this.byte(0x22);
	}

	/** Writes one escape at `out`, keeps room for `left` more units, and returns where to go on. */
	private escape(out: usize, unit: u32, left: i32): usize {
		this.length = out - this.begin;
		this.reserve(left * 3 + 16);
		let at = this.begin + this.length;
		store<u8>(at++, 0x5c);
		const letter = escapeLetter(unit);
		if (letter != 0) {
			store<u8>(at++, letter);
			return at;
		}
		store<u8>(at++, 0x75);
		for (let shift = 12; shift >= 0; shift -= 4) store<u8>(at++, <u8>HEX.charCodeAt((unit >> shift) & 15));
		return at;
	}

	private reserve(more: usize): void {
		const needed = this.length + more;
		const capacity = <usize>this.buffer.byteLength;
		if (needed <= capacity) return;
		this.buffer = changetype<ArrayBuffer>(__renew(changetype<usize>(this.buffer), max(needed, capacity * 2)));
	}
}

function escapeLetter(unit: u32): u8 {
	switch (unit) {
		case 0x08:
			return 0x62;
		case 0x09:
			return 0x74;
		case 0x0a:
			return 0x6e;
		case 0x0c:
			return 0x66;
		case 0x0d:
			return 0x72;
		case 0x22:
			return 0x22;
		case 0x5c:
			return 0x5c;
		default:
			return 0;
	}
}
