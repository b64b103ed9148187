// One expression to one answer. What is irrational is computed with ever more digits until the rounded result is certain
// (Ziv's method), so the last digit is right and not just probable.
import { Ball } from "./approximation/ball";
import { evaluate } from "./evaluate";
import { Fault, TOO_COMPLEX } from "./fault";
import { parse } from "./language/parser";
import { MAX_EXPRESSION, MAX_FRACTION_TEXT, MAX_PASSES, MAX_WORKING_BITS } from "./limits";
import { BigInteger } from "./number/big-integer";
import { powerOfTen, toDigits } from "./number/decimal-text";
import { Rational } from "./number/rational";
import { failTooVague } from "./operations/arithmetic";
import { ROUND, roundedBall } from "./operations/rounding";
import { decimalText } from "./result/decimal";
import { Precision } from "./result/places";
import { Run } from "./run";

/** Bits beyond the asked digits in the first pass: 30 digits, so that nearly everything is certain at once. */
const GUARD_BITS: i32 = 100;

export class Answer {
	/** What is wrong; null when there is a result. */
	readonly fault: Fault | null;
	/** The result as a decimal number. */
	readonly value: string;
	/** True when the decimal number is the result itself and not rounded. */
	readonly exact: bool;
	/** The result as a fraction when the decimal number is rounded and there is one; else empty. */
	readonly fraction: string;

	constructor(fault: Fault | null, value: string, exact: bool, fraction: string) {
		this.fault = fault;
		this.value = value;
		this.exact = exact;
		this.fraction = fraction;
	}

	static refusal(fault: Fault): Answer {
		return new Answer(fault, "", false, "");
	}
}

export function calculate(expression: string, precision: Precision): Answer {
	const run = new Run();
	if (expression.length > MAX_EXPRESSION) {
		const what = `An expression can have ${MAX_EXPRESSION} characters, and this one has ${expression.length}.`;
		return Answer.refusal(new Fault(TOO_COMPLEX, what, MAX_EXPRESSION));
	}
	const tree = parse(run, expression);
	let bits = bitsFor(precision.places);
	for (let pass = 1; run.fault === null; pass++) {
		run.beginPass(bits, pass >= MAX_PASSES || bits >= MAX_WORKING_BITS);
		const value = evaluate(run, tree);
		let wanted = 2 * bits;
		if (!run.stopped) {
			if (value.isExact) return exactAnswer(value.rational, precision, run.guessed);
			const ball = value.ball;
			const places = placesOf(run, ball, precision);
			const needed = bitsFor(places) + ball.radius.bitLength;
			// Half of the guard may be lost before another pass is worth its work.
			if (needed - GUARD_BITS / 2 > bits && bits < MAX_WORKING_BITS) {
				wanted = needed;
			} else if (!run.stopped) {
				const rounded = roundedBall(run, scaledBall(ball, places), ROUND);
				if (!run.stopped) return new Answer(null, decimalText(rounded, places), false, "");
			}
		}
		bits = min(wanted, MAX_WORKING_BITS);
	}
	return Answer.refusal(run.fault as Fault);
}

/** Working bits for a number of digits after the point. */
function bitsFor(places: i32): i32 {
	return <i32>((<i64>places * 33_220) / 10_000) + GUARD_BITS;
}

/** Digits after the point for an approximation; postponed when not even its size is known and would matter. */
function placesOf(run: Run, ball: Ball, precision: Precision): i32 {
	if (precision.asked) return precision.places;
	if (ball.sign == 0) {
		run.postpone();
		return precision.places;
	}
	const places = precision.forSize(new Rational(ball.middle, BigInteger.ONE.shiftedLeft(ball.bits)));
	if (bitsFor(places) > MAX_WORKING_BITS) failTooVague(run);
	return places;
}

/** The ball times 10^places. */
function scaledBall(ball: Ball, places: i32): Ball {
	const power = powerOfTen(places);
	return new Ball(ball.middle.times(power), ball.radius.times(power), ball.bits);
}

function exactAnswer(value: Rational, precision: Precision, guessed: bool): Answer {
	const places = value.isWhole ? 0 : precision.forExact(value);
	const power = powerOfTen(places);
	const division = value.numerator.times(power).divide(value.denominator);
	const exact = division.remainder.isZero;
	const rounded = exact ? division.quotient : new Rational(value.numerator.times(power), value.denominator).round();
	const fraction = exact ? "" : fractionText(value);
	return new Answer(null, decimalText(rounded, places), exact && !guessed, fraction);
}

/** "1/3"; empty when it is too long to be of use. */
function fractionText(value: Rational): string {
	// Ten bits make a little more than three digits.
	if (value.numerator.bitLength + value.denominator.bitLength > (MAX_FRACTION_TEXT * 10) / 3) return "";
	return `${value.numerator.negative ? "-" : ""}${toDigits(value.numerator)}/${toDigits(value.denominator)}`;
}
