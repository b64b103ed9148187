// What an operation costs before it is done (see MAX_STEPS), from the lengths of its operands.
import { BigInteger } from "../number/big-integer";
import { Rational } from "../number/rational";

export function productSteps(a: BigInteger, b: BigInteger): i64 {
	return <i64>(a.length + 1) * (b.length + 1);
}

/** A greatest common divisor: one division to equal lengths, then Lehmer's steps, each about as much as 500 limbs. */
export function divisorSteps(a: BigInteger, b: BigInteger): i64 {
	const short = <i64>min(a.length, b.length);
	const long = <i64>max(a.length, b.length);
	if (short <= 1) return long + 20;
	return (long - short) * short + 3 * short * short + 500 * short;
}

export function sumSteps(a: Rational, b: Rational): i64 {
	if (a.isWhole && b.isWhole) return max(a.numerator.length, b.numerator.length) + 10;
	return (
		2 *
		(productSteps(a.numerator, b.denominator) +
			productSteps(b.numerator, a.denominator) +
			divisorSteps(a.denominator, b.denominator))
	);
}

export function quotientOrProductSteps(a: Rational, b: Rational): i64 {
	const products = productSteps(a.numerator, b.numerator) + productSteps(a.denominator, b.denominator);
	if (a.isWhole && b.isWhole) return products;
	return 2 * products + divisorSteps(a.numerator, b.denominator) + divisorSteps(b.numerator, a.denominator);
}

/** A root of a whole number, by Newton's method from half of its digits. */
export function rootSteps(value: BigInteger): i64 {
	return 8 * <i64>value.length * value.length + 1_000;
}

/** A product or quotient of two balls. */
export function ballSteps(bits: i32): i64 {
	const limbs = <i64>(bits >> 5) + 2;
	return 4 * limbs * limbs + 50;
}
