// a ^ b. Exact for whole exponents, and for fractions when the base has that root; else e^(b ln a).
import { expBall, logBall, logOfBall } from "../approximation/elementary";
import { DIVISION_BY_ZERO, DOMAIN_ERROR } from "../fault";
import { MAX_BITS } from "../limits";
import { BigInteger } from "../number/big-integer";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import {
	absolute,
	approximately,
	checked,
	divide,
	failTooManyDigits,
	multiply,
	negate,
	nothing,
	signOf,
	wholeValue,
} from "./arithmetic";
import { exactRoot } from "./roots";
import { ballSteps } from "./steps";

/** Largest exponent for which an approximation is multiplied by itself; beyond it goes through the logarithm. */
const MAX_MULTIPLICATIONS: i32 = 1_000;

export function power(run: Run, base: Value, exponent: Value): Value {
	if (exponent.isExactZero) return wholeValue(1);
	if (base.isExact) {
		if (base.rational.equals(Rational.ONE)) return base;
		if (base.rational.isZero) return powerOfZero(run, exponent);
		if (exponent.isExact) return exactPower(run, base.rational, exponent.rational);
	} else if (exponent.isWhole) {
		const count = exponent.rational.numerator.toI32(i32.MAX_VALUE);
		if (abs(<i64>count) <= MAX_MULTIPLICATIONS) return repeated(run, base, count);
	}
	return throughLogarithm(run, base, exponent);
}

function powerOfZero(run: Run, exponent: Value): Value {
	const sign = signOf(run, exponent);
	if (sign <= 0 && !run.stopped) run.fail(DIVISION_BY_ZERO, "Zero to a negative power divides by zero.");
	return nothing();
}

function exactPower(run: Run, base: Rational, exponent: Rational): Value {
	if (exponent.isWhole) return wholePower(run, base, exponent.numerator);
	if (base.sign < 0) return failNegativeBase(run);
	const degree = exponent.denominator.toI32(i32.MAX_VALUE);
	if (degree <= MAX_BITS) {
		const root = exactRoot(run, base, degree);
		if (run.stopped) return nothing();
		if (root !== null) return wholePower(run, root, exponent.numerator);
	}
	return throughLogarithm(run, Value.exact(base), Value.exact(exponent));
}

function failNegativeBase(run: Run): Value {
	run.fail(DOMAIN_ERROR, "A negative number to a power that is not whole is not a real number; for a cube root use cbrt(x).");
	return nothing();
}

/** A fraction that is neither 0 nor 1 to a whole power. */
function wholePower(run: Run, base: Rational, exponent: BigInteger): Value {
	if (base.numerator.absolute().isOne && base.isWhole) return wholeValue(exponent.isOdd ? -1 : 1);
	const count = exponent.toI32(i32.MAX_VALUE);
	// A number of n bits is at least 2^(n-1).
	if (<i64>(base.bits - 1) * abs(<i64>count) <= MAX_BITS) {
		if (!run.spend(2 * ballSteps(base.bits * abs(count)))) return nothing();
		return checked(run, Value.exact(base.power(count)));
	}
	if (base.isWhole || base.numerator.absolute().isOne) {
		failTooManyDigits(run);
		return nothing();
	}
	// (1 + 1/n)^n has too many digits as a fraction and is a small number all the same.
	return throughLogarithm(run, Value.exact(base), Value.whole(exponent));
}

/** An approximation to a whole power, by squaring. */
function repeated(run: Run, base: Value, exponent: i32): Value {
	let result = wholeValue(1);
	let square = base;
	for (let left = abs(exponent); left > 0 && !run.stopped; left >>= 1) {
		if ((left & 1) == 1) result = multiply(run, result, square);
		if (left > 1 && !run.stopped) square = multiply(run, square, square);
	}
	return exponent > 0 || run.stopped ? result : divide(run, wholeValue(1), result);
}

function throughLogarithm(run: Run, base: Value, exponent: Value): Value {
	const sign = signOf(run, base);
	if (run.stopped) return nothing();
	if (sign == 0) return powerOfZero(run, exponent);
	if (sign < 0 && !exponent.isWhole) return failNegativeBase(run);
	const size = absolute(base);
	const logarithm = approximately(run, size.isExact ? logBall(run, size.rational) : logOfBall(run, size.ball));
	if (run.stopped) return nothing();
	const product = multiply(run, exponent, logarithm);
	if (run.stopped) return nothing();
	const result = approximately(run, expBall(run, product));
	return sign < 0 && exponent.rational.numerator.isOdd ? negate(result) : result;
}
