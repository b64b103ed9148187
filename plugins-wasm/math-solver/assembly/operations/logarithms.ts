// exp and the logarithms. A logarithm is exact when the argument is a power of the base with a simple exponent.
import { Ball } from "../approximation/ball";
import { expBall, logBall, logOfBall } from "../approximation/elementary";
import { DOMAIN_ERROR } from "../fault";
import { MAX_BITS } from "../limits";
import { BigInteger } from "../number/big-integer";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import { approximately, divide, nothing, wholeValue } from "./arithmetic";
import { ballSteps } from "./steps";

/** Largest denominator of an exponent that {@link logarithmTo} recognises as exact. */
const MAX_EXPONENT_PART: i32 = 12;

export function exponentialOf(run: Run, value: Value): Value {
	if (value.isExactZero) return wholeValue(1);
	return approximately(run, expBall(run, value));
}

export function naturalLogarithm(run: Run, value: Value): Value {
	if (value.isExact) {
		const rational = value.rational;
		if (rational.sign <= 0) return failNotPositive(run);
		if (rational.equals(Rational.ONE)) return wholeValue(0);
		return approximately(run, logBall(run, rational));
	}
	const ball = value.ball;
	if (ball.sign > 0) return approximately(run, logOfBall(run, ball));
	if (ball.sign == 0 && run.postpone()) return nothing();
	return failNotPositive(run);
}

function failNotPositive(run: Run): Value {
	run.fail(DOMAIN_ERROR, "Only numbers above zero have a logarithm.");
	return nothing();
}

/** Logarithm of `value` to the base `base`. */
export function logarithmTo(run: Run, value: Value, base: Value): Value {
	const top = naturalLogarithm(run, value);
	if (run.stopped || top.isExactZero) return top;
	const bottom = naturalLogarithm(run, base);
	if (run.stopped) return nothing();
	if (bottom.isExactZero) {
		run.fail(DOMAIN_ERROR, "The base of a logarithm is a number above zero that is not 1.");
		return nothing();
	}
	const quotient = divide(run, top, bottom);
	if (run.stopped || !value.isExact || !base.isExact) return quotient;
	const exact = exactExponent(run, value.rational, base.rational, quotient.ball);
	return exact !== null ? Value.exact(exact) : quotient;
}

/** The fraction p/q with base^(p/q) = value, when there is one near the approximation with a small q; else null. */
function exactExponent(run: Run, value: Rational, base: Rational, near: Ball): Rational | null {
	const one = BigInteger.ONE.shiftedLeft(near.bits);
	for (let q = 1; q <= MAX_EXPONENT_PART; q++) {
		const scaled = new Ball(near.middle.timesSmall(<u32>q), near.radius.timesSmall(<u32>q), near.bits);
		const p = new Rational(scaled.middle, one).round();
		const miss = scaled.middle.minus(p.shiftedLeft(near.bits)).absolute();
		if (miss.compareTo(scaled.radius) > 0) continue;
		const power = p.toI32(MAX_BITS);
		const bits = max(<i64>base.bits * abs(power), <i64>value.bits * q);
		if (bits > 2 * MAX_BITS || !run.spend(2 * ballSteps(<i32>bits))) continue;
		if (base.power(power).equals(value.power(q))) return Rational.ratio(p, BigInteger.of(q));
	}
	return null;
}
