// sqrt and cbrt: exact when numerator and denominator are squares or cubes, else rounded by at most one unit.
import { Ball, scaledBottom, scaledTop } from "../approximation/ball";
import { ballOf, failTooLong } from "../approximation/elementary";
import { DOMAIN_ERROR } from "../fault";
import { MAX_APPROXIMATE_BITS } from "../limits";
import { BigInteger } from "../number/big-integer";
import { integerRoot } from "../number/integer-root";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import { approximately, nothing } from "./arithmetic";
import { ballSteps, rootSteps } from "./steps";

/** The root of a fraction above zero when it is a fraction again, else null; null also after a fault. */
export function exactRoot(run: Run, value: Rational, degree: i32): Rational | null {
	const bottom = exactWholeRoot(run, value.denominator, degree);
	if (bottom === null) return null;
	const top = exactWholeRoot(run, value.numerator, degree);
	return top === null ? null : new Rational(top, bottom);
}

function exactWholeRoot(run: Run, value: BigInteger, degree: i32): BigInteger | null {
	if (value.isOne) return value;
	// Nothing but 1 has a root of a degree above its number of bits.
	if (value.bitLength <= degree || !run.spend(rootSteps(value))) return null;
	const root = integerRoot(value, degree);
	return root.power(degree).equals(value) ? root : null;
}

/** Root of a fraction above zero that has no exact one. */
function nearRoot(run: Run, value: Rational, degree: i32): Ball {
	const bits = value.numerator.bitLength - value.denominator.bitLength;
	const scaled = max(0, bits) + degree * run.bits;
	const none = new Ball(BigInteger.ZERO, BigInteger.ZERO, run.bits);
	if (bits / degree > MAX_APPROXIMATE_BITS) {
		failTooLong(run);
		return none;
	}
	if (!run.spend(8 * ballSteps(scaled) + <i64>(scaled >> 5) * value.denominator.length)) return none;
	const whole = scaledTop(value, degree * run.bits).dividedBy(scaledBottom(value, degree * run.bits));
	return new Ball(integerRoot(whole, degree), BigInteger.ONE, run.bits);
}

export function squareRootOf(run: Run, value: Value): Value {
	if (value.isExact) {
		if (value.isExactZero) return value;
		if (value.rational.sign < 0) {
			run.fail(DOMAIN_ERROR, "A negative number has no square root here.");
			return nothing();
		}
		const exact = exactRoot(run, value.rational, 2);
		if (run.stopped) return nothing();
		return exact !== null ? Value.exact(exact) : approximately(run, nearRoot(run, value.rational, 2));
	}
	const ball = value.ball;
	if (ball.upper.negative) {
		run.fail(DOMAIN_ERROR, "A negative number has no square root here.");
		return nothing();
	}
	if (ball.sign == 0 && run.postpone()) return nothing();
	return rootOfBall(run, ball);
}

/** Square root of a ball; what lies below zero in it counts as zero. */
export function rootOfBall(run: Run, ball: Ball): Value {
	if (!run.spend(4 * ballSteps(ball.bits + ball.wholeBits))) return nothing();
	return approximately(run, ball.squareRoot());
}

export function cubeRootOf(run: Run, value: Value): Value {
	if (value.isExact) {
		if (value.isExactZero) return value;
		const negative = value.rational.sign < 0;
		const size = value.rational.absolute();
		const exact = exactRoot(run, size, 3);
		if (run.stopped) return nothing();
		if (exact !== null) return Value.exact(negative ? exact.negated() : exact);
		const near = nearRoot(run, size, 3);
		return approximately(run, negative ? near.negated() : near);
	}
	const ball = ballOf(run, value);
	if (!run.spend(32 * ballSteps(2 * ball.bits + ball.wholeBits))) return nothing();
	const lower = signedCubeRoot(ball.lower, ball.bits).minus(BigInteger.ONE);
	const upper = signedCubeRoot(ball.upper, ball.bits).plus(BigInteger.ONE);
	return approximately(run, Ball.between(lower, upper, ball.bits));
}

function signedCubeRoot(value: BigInteger, bits: i32): BigInteger {
	const root = integerRoot(value.absolute().shiftedLeft(2 * bits), 3);
	return value.negative ? root.negated() : root;
}
