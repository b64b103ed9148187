// From any number to a whole one: floor, ceil, trunc, round, and the remainder, which needs a floor. An approximation that lies
// next to a jump is computed with more digits; one that no digit tells from a whole number counts as that number.

import { Ball } from "../approximation/ball";
import { DOMAIN_ERROR } from "../fault";
import { BigInteger } from "../number/big-integer";
import { powerOfTen } from "../number/decimal-text";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import { checked, divide, failTooVague, multiply, nothing, subtract } from "./arithmetic";
import { divisorSteps, productSteps } from "./steps";

export const FLOOR: i32 = 0;
export const CEIL: i32 = 1;
export const TRUNC: i32 = 2;
/** To the nearest; halves away from zero. */
export const ROUND: i32 = 3;

/** Most digits before or after the point that `round` can be told. */
const MAX_PLACES: i32 = 1_000;

/** The whole number that a mode makes of a fraction. */
export function roundedRational(value: Rational, mode: i32): BigInteger {
	switch (mode) {
		case FLOOR:
			return value.floor();
		case CEIL:
			return value.negated().floor().negated();
		case TRUNC:
			return value.numerator.dividedBy(value.denominator);
		default:
			return value.round();
	}
}

/**
 * The whole number that a mode makes of an approximation. When that is not certain, the call is postponed to more digits; in
 * the last pass the approximation counts as being on the jump, unless it spans more than one.
 */
export function roundedBall(run: Run, ball: Ball, mode: i32): BigInteger {
	const one = BigInteger.ONE.shiftedLeft(ball.bits);
	const lower = roundedRational(new Rational(ball.lower, one), mode);
	const upper = roundedRational(new Rational(ball.upper, one), mode);
	if (lower.equals(upper) || run.postpone()) return lower;
	if (upper.minus(lower).compareTo(BigInteger.ONE) > 0) failTooVague(run);
	if (mode == FLOOR) return upper;
	if (mode == CEIL) return lower;
	return upper.sign > 0 ? upper : lower;
}

export function roundToWhole(run: Run, value: Value, mode: i32): Value {
	if (!value.isExact) return Value.whole(roundedBall(run, value.ball, mode));
	if (!run.spend(productSteps(value.rational.numerator, value.rational.denominator))) return value;
	return Value.whole(roundedRational(value.rational, mode));
}

/** round(x, n): to n digits after the point; a negative n rounds before the point. */
export function roundToPlaces(run: Run, value: Value, places: Value): Value {
	const count = places.isWhole ? places.rational.numerator.toI32(i32.MAX_VALUE) : i32.MAX_VALUE;
	if (abs(<i64>count) > MAX_PLACES) {
		run.fail(
			DOMAIN_ERROR,
			`The second argument of round is a number of digits: a whole number from -${MAX_PLACES} to ${MAX_PLACES}.`,
		);
		return nothing();
	}
	if (value.isExact && value.rational.isWhole && count >= 0) return value;
	const power = Value.whole(powerOfTen(abs(count)));
	const scaled = count >= 0 ? multiply(run, value, power) : divide(run, value, power);
	if (run.stopped) return nothing();
	const whole = roundToWhole(run, scaled, ROUND);
	if (run.stopped) return nothing();
	return count >= 0 ? divide(run, whole, power) : multiply(run, whole, power);
}

/** a - b · floor(a / b): the remainder with the sign of b. */
export function modulo(run: Run, a: Value, b: Value): Value {
	if (!a.isExact || !b.isExact || b.isExactZero) {
		const quotient = divide(run, a, b);
		if (run.stopped) return nothing();
		const whole = roundToWhole(run, quotient, FLOOR);
		if (run.stopped) return nothing();
		const taken = multiply(run, b, whole);
		return run.stopped ? nothing() : subtract(run, a, taken);
	}
	const left = a.rational;
	const right = b.rational;
	if (!run.spend(productSteps(left.numerator, right.denominator) + productSteps(right.numerator, left.denominator))) return a;
	const dividend = left.numerator.times(right.denominator);
	const divisor = right.numerator.times(left.denominator);
	if (!run.spend(productSteps(dividend, divisor))) return a;
	const rest = dividend.divide(divisor).remainder;
	const floored = !rest.isZero && rest.negative != divisor.negative ? rest.plus(divisor) : rest;
	if (left.isWhole && right.isWhole) return checked(run, Value.whole(floored));
	const bottom = left.denominator.times(right.denominator);
	if (!run.spend(divisorSteps(floored, bottom))) return a;
	return checked(run, Value.exact(Rational.ratio(floored, bottom)));
}
