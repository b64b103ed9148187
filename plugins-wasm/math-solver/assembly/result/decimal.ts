// A decimal number as the result shows it: digits, and where the point stands.
import { BigInteger } from "../number/big-integer";
import { toDigits } from "../number/decimal-text";

/** Places after the point from which a number is written with an exponent. */
const MAX_PLAIN_PLACES: i32 = 100;

/** `scaled / 10^places` without zeros at its end: "3.3", "-0.5", "1.5e-120". */
export function decimalText(scaled: BigInteger, places: i32): string {
	if (scaled.isZero) return "0";
	const sign = scaled.negative ? "-" : "";
	let digits = toDigits(scaled);
	let after = places;
	let end = digits.length;
	while (after > 0 && end > 1 && digits.charCodeAt(end - 1) == 0x30) {
		end--;
		after--;
	}
	digits = digits.substring(0, end);
	if (after == 0) return sign + digits;
	if (after > MAX_PLAIN_PLACES) {
		const point = digits.length > 1 ? `.${digits.substring(1)}` : "";
		return `${sign}${digits.charAt(0)}${point}e${digits.length - 1 - after}`;
	}
	const padded = digits.padStart(after + 1, "0");
	const point = padded.length - after;
	return `${sign}${padded.substring(0, point)}.${padded.substring(point)}`;
}
