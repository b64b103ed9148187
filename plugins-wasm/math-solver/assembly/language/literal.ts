// The text of a number to its exact value. The size is known from the text alone, so 1e999999 costs nothing.
import { TOO_LARGE } from "../fault";
import { MAX_DIGITS } from "../limits";
import { fromDigits, powerOfTen } from "../number/decimal-text";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";

/** A value; null after a fault. @param text a number as the tokenizer passes it */
export function literalValue(run: Run, text: string, position: i32): Value | null {
	let digits = "";
	let places = 0;
	let exponent = 0;
	let afterPoint = false;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit == 0x5f) continue;
		if (unit == 0x2e) {
			afterPoint = true;
			continue;
		}
		if ((unit | 0x20) == 0x65) {
			exponent = exponentOf(text.substring(index + 1));
			break;
		}
		if (afterPoint) places++;
		digits += String.fromCharCode(unit);
	}
	const whole = fromDigits(digits);
	if (whole.isZero) return Value.exact(Rational.ZERO);
	const shift = exponent - places;
	if (digits.length + abs(shift) > MAX_DIGITS + 1) {
		run.failAt(position, TOO_LARGE, `A number can have ${MAX_DIGITS} digits here, and this one has more.`);
		return null;
	}
	run.position = position;
	// The power of ten is the square of one half as long, and so on.
	const limbs = <i64>abs(shift) / 9 + 1;
	if (!run.spend(limbs * limbs + 100)) return null;
	if (shift >= 0) return Value.whole(whole.times(powerOfTen(shift)));
	return Value.exact(Rational.ratio(whole, powerOfTen(-shift)));
}

/** Digits with a sign; beyond MAX_DIGITS any number that is larger too. */
function exponentOf(text: string): i32 {
	const negative = text.charCodeAt(0) == 0x2d;
	let exponent = 0;
	for (let index = 0; index < text.length; index++) {
		const digit = text.charCodeAt(index) - 0x30;
		if (digit >= 0 && digit <= 9) exponent = min(exponent * 10 + digit, 10 * MAX_DIGITS);
	}
	return negative ? -exponent : exponent;
}
