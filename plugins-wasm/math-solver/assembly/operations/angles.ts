// Trigonometry in radians, and the way from and to degrees.
import { arcTangentBall, piBall, sineBall } from "../approximation/elementary";
import { DOMAIN_ERROR } from "../fault";
import { Run } from "../run";
import { Value } from "../value";
import { add, approximately, compare, divide, multiply, nothing, subtract, wholeValue } from "./arithmetic";
import { rootOfBall, squareRootOf } from "./roots";

export function pi(run: Run): Value {
	return approximately(run, piBall(run));
}

export function sine(run: Run, value: Value): Value {
	return value.isExactZero ? value : approximately(run, sineBall(run, value, 0));
}

export function cosine(run: Run, value: Value): Value {
	return value.isExactZero ? wholeValue(1) : approximately(run, sineBall(run, value, 1));
}

export function tangent(run: Run, value: Value): Value {
	if (value.isExactZero) return value;
	const bottom = cosine(run, value);
	if (run.stopped) return nothing();
	if (bottom.ball.sign == 0) {
		if (!run.postpone()) run.fail(DOMAIN_ERROR, "tan has no value here: the angle is a quarter turn, or three.");
		return nothing();
	}
	const top = sine(run, value);
	return run.stopped ? nothing() : divide(run, top, bottom);
}

/** arcsin x = 2 arctan(x / (1 + √(1 - x²))) */
export function arcSine(run: Run, value: Value): Value {
	if (value.isExactZero) return value;
	const one = wholeValue(1);
	const square = multiply(run, value, value);
	if (run.stopped) return nothing();
	const rest = subtract(run, one, square);
	if (run.stopped) return nothing();
	// Where the digits do not tell whether |x| is 1 or a little more, it counts as 1.
	if (rest.isExact ? rest.rational.sign < 0 : rest.ball.upper.negative) {
		run.fail(DOMAIN_ERROR, "asin and acos take numbers from -1 to 1.");
		return nothing();
	}
	const root = rest.isExact ? squareRootOf(run, rest) : rootOfBall(run, rest.ball);
	if (run.stopped) return nothing();
	const half = arcTangent(run, divide(run, value, add(run, one, root)));
	return run.stopped ? nothing() : add(run, half, half);
}

/** arccos x = π/2 - arcsin x */
export function arcCosine(run: Run, value: Value): Value {
	if (value.isExact && compare(run, value, wholeValue(1)) == 0) return wholeValue(0);
	const angle = arcSine(run, value);
	if (run.stopped) return nothing();
	return subtract(run, divide(run, pi(run), wholeValue(2)), angle);
}

export function arcTangent(run: Run, value: Value): Value {
	if (run.stopped || value.isExactZero) return value;
	return approximately(run, arcTangentBall(run, value));
}

/** Radians to degrees. */
export function degrees(run: Run, value: Value): Value {
	const scaled = multiply(run, value, wholeValue(180));
	return run.stopped ? nothing() : divide(run, scaled, pi(run));
}

/** Degrees to radians. */
export function radians(run: Run, value: Value): Value {
	const scaled = divide(run, value, wholeValue(180));
	return run.stopped ? nothing() : multiply(run, scaled, pi(run));
}
