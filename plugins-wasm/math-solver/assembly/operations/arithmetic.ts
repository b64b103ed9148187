// + - * / and the comparisons that other operations need: exact as long as both sides are, on balls otherwise. Everything
// that makes a number larger goes through here, so this is where its size is checked.
import { Ball } from "../approximation/ball";
import { ballOf, failTooLong } from "../approximation/elementary";
import { DIVISION_BY_ZERO, TOO_COMPLEX, TOO_LARGE } from "../fault";
import { MAX_APPROXIMATE_BITS, MAX_BITS, MAX_DIGITS } from "../limits";
import { BigInteger } from "../number/big-integer";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import { ballSteps, productSteps, quotientOrProductSteps, sumSteps } from "./steps";

/** Notes that an exact number has too many digits. */
export function failTooManyDigits(run: Run): void {
	run.fail(TOO_LARGE, `A number can have ${MAX_DIGITS} digits here, and this one has more.`);
}

/** The value itself; notes a fault when it is larger than a number may be. */
export function checked(run: Run, value: Value): Value {
	if (run.stopped) return value;
	if (value.isExact) {
		if (value.rational.bits > MAX_BITS) failTooManyDigits(run);
		return value;
	}
	const ball = value.ball;
	if (ball.wholeBits <= MAX_APPROXIMATE_BITS) return value;
	const least = ball.middle.absolute().minus(ball.radius);
	if (!least.negative && least.bitLength - ball.bits > MAX_APPROXIMATE_BITS) failTooLong(run);
	else if (!run.postpone()) failTooVague(run);
	return value;
}

/** Notes that the digits that can be computed do not suffice. */
export function failTooVague(run: Run): void {
	run.fail(TOO_COMPLEX, "This cannot be computed closely enough; it loses too many digits.");
}

export function add(run: Run, a: Value, b: Value): Value {
	if (a.isExact && b.isExact) {
		if (!run.spend(sumSteps(a.rational, b.rational))) return a;
		return checked(run, Value.exact(a.rational.plus(b.rational)));
	}
	const left = ballOf(run, a);
	const right = ballOf(run, b);
	if (run.stopped || !run.spend(20)) return a;
	return checked(run, Value.approximate(left.plus(right)));
}

export function negate(value: Value): Value {
	return value.isExact ? Value.exact(value.rational.negated()) : Value.approximate(value.ball.negated());
}

export function subtract(run: Run, a: Value, b: Value): Value {
	return add(run, a, negate(b));
}

export function multiply(run: Run, a: Value, b: Value): Value {
	if (a.isExact && b.isExact) {
		if (!run.spend(quotientOrProductSteps(a.rational, b.rational))) return a;
		return checked(run, Value.exact(a.rational.times(b.rational)));
	}
	if (a.isExactZero) return a;
	if (b.isExactZero) return b;
	const left = ballOf(run, a);
	const right = ballOf(run, b);
	if (run.stopped || !run.spend(ballSteps(run.bits + left.wholeBits + right.wholeBits))) return a;
	return checked(run, Value.approximate(left.times(right)));
}

export function divide(run: Run, a: Value, b: Value): Value {
	if (b.isExactZero) {
		run.fail(DIVISION_BY_ZERO, "The divisor is zero.");
		return a;
	}
	if (a.isExact && b.isExact) {
		if (!run.spend(quotientOrProductSteps(a.rational, b.rational.inverse()))) return a;
		return checked(run, Value.exact(a.rational.dividedBy(b.rational)));
	}
	const left = ballOf(run, a);
	const right = ballOf(run, b);
	if (run.stopped || !run.spend(2 * ballSteps(run.bits + left.wholeBits + right.wholeBits))) return a;
	if (right.sign == 0) {
		if (!run.postpone()) run.fail(DIVISION_BY_ZERO, "The divisor is zero, or too close to zero to be told from it.");
		return a;
	}
	if (a.isExactZero) return a;
	return checked(run, Value.approximate(left.dividedBy(right)));
}

/** -1, 0 or 1 as `a` is below, equal to or above `b`. Approximations that no digit tells apart are equal. */
export function compare(run: Run, a: Value, b: Value): i32 {
	if (a.isExact && b.isExact) {
		const left = a.rational;
		const right = b.rational;
		if (!run.spend(productSteps(left.numerator, right.denominator) + productSteps(right.numerator, left.denominator))) return 0;
		return left.compareTo(right);
	}
	return signOf(run, subtract(run, a, b));
}

/** -1, 0 or 1. An approximation that no digit tells from zero counts as zero. */
export function signOf(run: Run, value: Value): i32 {
	if (run.stopped) return 0;
	if (value.isExact) return value.rational.sign;
	const sign = value.ball.sign;
	if (sign == 0) run.postpone();
	return sign;
}

export function absolute(value: Value): Value {
	return value.isExact ? Value.exact(value.rational.absolute()) : Value.approximate(value.ball.absolute());
}

/** What an operation returns after it noted a fault; nobody looks at it. */
export function nothing(): Value {
	return Value.exact(Rational.ZERO);
}

/** An exact whole number. */
export function wholeValue(value: i64): Value {
	return Value.whole(BigInteger.of(value));
}

/** A ball, with its size checked. */
export function approximately(run: Run, ball: Ball): Value {
	return checked(run, Value.approximate(ball));
}
