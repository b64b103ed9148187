// Style `mask`: part of the value stays readable for people, and nothing can be restored. No mask is found again as a value
// of any kind, so that masking twice changes nothing.
import { isAlphanumeric } from "@hookbus/plugin-as";
import { KIND_CARD, KIND_EMAIL, KIND_IBAN, KIND_IP, KIND_PHONE } from "./kind";

/** What stands instead of a value. */
export function maskOf(kind: i32, value: string): string {
	switch (kind) {
		case KIND_EMAIL:
			return value.charAt(0) + "***@***" + value.substring(value.lastIndexOf("."));
		case KIND_CARD:
			return "**** " + lastAlphanumerics(value, 4);
		case KIND_IBAN:
			return value.substring(0, 2) + "** **** " + lastAlphanumerics(value, 4);
		case KIND_PHONE:
			return "*** **" + lastAlphanumerics(value, 2);
		case KIND_IP:
			return "*.*.*.*";
		default:
			return "********";
	}
}

function lastAlphanumerics(value: string, count: i32): string {
	let last = "";
	for (let index = value.length - 1; index >= 0 && last.length < count; index--) {
		if (isAlphanumeric(value.charCodeAt(index))) last = value.charAt(index) + last;
	}
	return last;
}
