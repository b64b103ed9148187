// A number inside of an expression: an exact fraction as long as that is possible, from the first irrational step on an
// approximation that knows its own error.
import { Ball } from "./approximation/ball";
import { BigInteger } from "./number/big-integer";
import { Rational } from "./number/rational";

export class Value {
	private readonly fraction: Rational | null;
	private readonly approximation: Ball | null;

	private constructor(fraction: Rational | null, approximation: Ball | null) {
		this.fraction = fraction;
		this.approximation = approximation;
	}

	static exact(fraction: Rational): Value {
		return new Value(fraction, null);
	}

	static whole(value: BigInteger): Value {
		return new Value(Rational.whole(value), null);
	}

	static approximate(ball: Ball): Value {
		return new Value(null, ball);
	}

	get isExact(): bool {
		return this.fraction !== null;
	}

	/** The exact value; a trap when there is none. */
	get rational(): Rational {
		return this.fraction as Rational;
	}

	/** The approximation; a trap when the value is exact. */
	get ball(): Ball {
		return this.approximation as Ball;
	}

	get isExactZero(): bool {
		return this.isExact && this.rational.isZero;
	}

	/** True for an exact whole number. */
	get isWhole(): bool {
		return this.isExact && this.rational.isWhole;
	}
}
