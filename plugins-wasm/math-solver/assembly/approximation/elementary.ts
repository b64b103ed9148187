// exp, ln, sine, cosine and arc tangent of balls: brings the argument into the range of the series, computes with spare bits,
// and carries the argument's error over to the result.
import { TOO_COMPLEX, TOO_LARGE } from "../fault";
import { MAX_APPROXIMATE_BITS } from "../limits";
import { BigInteger } from "../number/big-integer";
import { Rational } from "../number/rational";
import { Run } from "../run";
import { Value } from "../value";
import { Ball, scaledBottom, scaledTop } from "./ball";
import { arcTangent, exponential, logarithm, reductions, SPARE_BITS, seriesSteps, sine } from "./series";

/** What a failed step returns; nobody looks at it. */
function nothing(run: Run): Ball {
	return new Ball(BigInteger.ZERO, BigInteger.ZERO, run.bits);
}

/** Notes that a number without an exact value has too many digits before the point. */
export function failTooLong(run: Run): void {
	run.fail(TOO_LARGE, "A result that is not exact can have 1,000 digits before the point, and this one has more.");
}

/** The value as a ball of this pass. Values above 10^1000 are refused. */
export function ballOf(run: Run, value: Value): Ball {
	if (!value.isExact) return value.ball;
	const rational = value.rational;
	if (rational.numerator.bitLength - rational.denominator.bitLength > MAX_APPROXIMATE_BITS) {
		failTooLong(run);
		return nothing(run);
	}
	const bottom = <i64>rational.denominator.length;
	if (!run.spend((<i64>rational.numerator.length + (run.bits >> 5)) * bottom)) return nothing(run);
	return Ball.of(rational, run.bits);
}

/** The argument in units of 2^-bits, more than the pass has: exact values gain digits, a ball's middle gets zeros. */
function widened(value: Value, ball: Ball, bits: i32): BigInteger {
	if (!value.isExact) return ball.middle.shiftedLeft(bits - ball.bits);
	return scaledTop(value.rational, bits).dividedBy(scaledBottom(value.rational, bits));
}

export function piBall(run: Run): Ball {
	return new Ball(run.constants.piAt(run.bits), BigInteger.of(3), run.bits);
}

export function expBall(run: Run, value: Value): Ball {
	const x = ballOf(run, value);
	if (run.stopped) return x;
	if (x.radius.bitLength >= x.bits) {
		// Too little is known about the argument to say anything about the result.
		if (!run.postpone()) run.fail(TOO_COMPLEX, "The argument of this power or exp cannot be computed closely enough.");
		return x;
	}
	const whole = x.middle.shiftedRight(x.bits - 32);
	const tiny = new Ball(BigInteger.ZERO, BigInteger.ONE, x.bits);
	if (whole.bitLength > 32 + 16) {
		if (whole.negative) return tiny;
		failTooLong(run);
		return x;
	}
	// e^x = 2^k · e^t with t = x - k ln 2. Any k nearby gives the same result, so a double may choose it.
	const k = <i32>nearest(<f64>whole.toI64() / 4294967296.0 / 0.6931471805599453);
	if (k > MAX_APPROXIMATE_BITS) {
		failTooLong(run);
		return x;
	}
	if (k < -x.bits - 2) return tiny;
	const bits = x.bits + max(k, 0) + reductions(x.bits + max(k, 0)) + SPARE_BITS;
	if (!run.spend(seriesSteps(bits))) return x;
	const shift = run.constants
		.logOfTwoAt(bits + 16)
		.timesSmall(<u32>abs(k))
		.shiftedRight(16);
	const wide = widened(value, x, bits);
	const t = k < 0 ? wide.plus(shift) : wide.minus(shift);
	const middle = exponential(t, bits).scaled(k - (bits - x.bits));
	// For an error d of the argument below 1 the result is off by less than the factor 2d.
	const error = middle
		.plus(BigInteger.of(2))
		.times(x.radius)
		.shiftedRight(x.bits - 1);
	return new Ball(middle, error.plus(BigInteger.of(3)), x.bits);
}

/** Natural logarithm of an exact value above zero. */
export function logBall(run: Run, value: Rational): Ball {
	const k = value.numerator.bitLength - value.denominator.bitLength;
	const bits = run.bits + reductions(run.bits) + SPARE_BITS;
	const division = (<i64>(bits >> 5) + value.numerator.length + value.denominator.length) * <i64>value.denominator.length;
	if (!run.spend(seriesSteps(bits) + division)) return nothing(run);
	const m = scaledTop(value, bits - k).dividedBy(scaledBottom(value, bits - k));
	return new Ball(addOctaves(run, logarithm(m, bits), k, bits), BigInteger.of(2), run.bits);
}

/** Natural logarithm of a ball that is above zero with certainty. */
export function logOfBall(run: Run, x: Ball): Ball {
	const k = x.middle.bitLength - x.bits;
	const bits = x.bits + reductions(x.bits) + SPARE_BITS;
	if (!run.spend(seriesSteps(bits))) return x;
	const m = x.middle.scaled(bits - x.bits - k);
	const error = x.radius.shiftedLeft(x.bits).dividedBy(x.lower);
	return new Ball(addOctaves(run, logarithm(m, bits), k, bits), error.plus(BigInteger.of(3)), x.bits);
}

/** Adds k ln 2 and drops the spare bits. */
function addOctaves(run: Run, part: BigInteger, k: i32, bits: i32): BigInteger {
	const octaves = run.constants.logOfTwoAt(bits).timesSmall(<u32>abs(k));
	return (k < 0 ? part.minus(octaves) : part.plus(octaves)).shiftedRight(bits - run.bits);
}

/** Sine for `quarters` 0, cosine for 1: the sine of the argument plus that many quarter turns. */
export function sineBall(run: Run, value: Value, quarters: i32): Ball {
	const x = ballOf(run, value);
	if (run.stopped) return x;
	const bits = x.bits + 2 * reductions(x.bits) + SPARE_BITS;
	// A large argument needs as many more bits of π as it has before the point.
	const more = x.wholeBits + 8;
	if (!run.spend(seriesSteps(bits) + seriesSteps(bits + more))) return x;
	const wide = widened(value, x, bits);
	const quarter = run.constants.piAt(bits + more - 1);
	const turns = wide.shiftedLeft(more).divide(quarter).quotient;
	const t = wide.minus(turns.times(quarter).shiftedRight(more));
	const side = (quarterOf(turns) + quarters) & 3;
	const angle = (side & 1) == 0 ? t : quarter.shiftedRight(more).minus(t.absolute());
	const middle = sine(angle, bits).shiftedRight(bits - x.bits);
	return new Ball(side >= 2 ? middle.negated() : middle, x.radius.plus(BigInteger.of(2)), x.bits);
}

/** The number of quarter turns modulo 4. */
function quarterOf(turns: BigInteger): i32 {
	if (turns.isZero) return 0;
	const low = <i32>(turns.limbs[0] & 3);
	return turns.negative ? (4 - low) & 3 : low;
}

export function arcTangentBall(run: Run, value: Value): Ball {
	const x = ballOf(run, value);
	if (run.stopped) return x;
	const bits = x.bits + reductions(x.bits) + SPARE_BITS;
	if (!run.spend(seriesSteps(bits) * 2)) return x;
	const one = BigInteger.ONE.shiftedLeft(bits);
	const wide = widened(value, x, bits);
	const size = wide.absolute();
	// Beyond 1: a quarter turn minus the arc tangent of the inverse.
	const outside = size.compareTo(one) > 0;
	const near = arcTangent(outside ? one.shiftedLeft(bits).dividedBy(size) : size, bits);
	const angle = outside ? run.constants.piAt(bits).shiftedRight(1).minus(near) : near;
	const middle = angle.shiftedRight(bits - x.bits);
	return new Ball(wide.negative ? middle.negated() : middle, x.radius.plus(BigInteger.of(2)), x.bits);
}
