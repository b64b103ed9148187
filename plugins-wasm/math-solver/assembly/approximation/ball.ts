// An approximation with its error: the true value lies within `radius` of `middle`, both counted in units of 2^-bits. Every
// operation bounds the error that it adds, so that a rounded digit is either certain or known not to be.
import { BigInteger } from "../number/big-integer";
import { squareRoot } from "../number/integer-root";
import { Rational } from "../number/rational";

/** Added where an operation cuts off its result. */
const CUT: BigInteger = BigInteger.ONE;
const TWICE_CUT: BigInteger = BigInteger.of(2);

export class Ball {
	readonly middle: BigInteger;
	/** Not negative. */
	readonly radius: BigInteger;
	/** Bits after the point. Both sides of an operation have the same. */
	readonly bits: i32;

	constructor(middle: BigInteger, radius: BigInteger, bits: i32) {
		this.middle = middle;
		this.radius = radius;
		this.bits = bits;
	}

	static of(value: Rational, bits: i32): Ball {
		const division = scaledTop(value, bits).divide(scaledBottom(value, bits));
		return new Ball(division.quotient, division.remainder.isZero ? BigInteger.ZERO : CUT, bits);
	}

	/** The ball between two bounds, which may lie in it anywhere. */
	static between(lower: BigInteger, upper: BigInteger, bits: i32): Ball {
		const middle = lower.plus(upper).shiftedRight(1);
		return new Ball(middle, upper.minus(lower).shiftedRight(1).plus(CUT), bits);
	}

	// ---- questions -----------------------------------------------------------------------------------------------------

	get lower(): BigInteger {
		return this.middle.minus(this.radius);
	}

	get upper(): BigInteger {
		return this.middle.plus(this.radius);
	}

	/** -1 or 1 when the sign is certain, else 0. */
	get sign(): i32 {
		if (this.middle.absolute().compareTo(this.radius) <= 0) return 0;
		return this.middle.sign;
	}

	/** Bits before the point of the largest value that it can have, at least 0. */
	get wholeBits(): i32 {
		return max(0, max(this.middle.bitLength, this.radius.bitLength) + 1 - this.bits);
	}

	// ---- arithmetic ----------------------------------------------------------------------------------------------------

	negated(): Ball {
		return new Ball(this.middle.negated(), this.radius, this.bits);
	}

	absolute(): Ball {
		return this.middle.negative ? this.negated() : this;
	}

	plus(other: Ball): Ball {
		return new Ball(this.middle.plus(other.middle), this.radius.plus(other.radius), this.bits);
	}

	minus(other: Ball): Ball {
		return this.plus(other.negated());
	}

	times(other: Ball): Ball {
		const middle = this.middle.times(other.middle).shiftedRight(this.bits);
		const error = this.middle.absolute().plus(this.radius).times(other.radius).plus(other.middle.absolute().times(this.radius));
		return new Ball(middle, error.shiftedRight(this.bits).plus(TWICE_CUT), this.bits);
	}

	/** Quotient by a ball whose sign is certain. */
	dividedBy(other: Ball): Ball {
		const bottom = other.middle.absolute();
		const middle = this.middle.shiftedLeft(this.bits).dividedBy(other.middle);
		const error = this.middle.absolute().times(other.radius).plus(bottom.times(this.radius));
		const scale = bottom.times(bottom.minus(other.radius));
		return new Ball(middle, error.shiftedLeft(this.bits).dividedBy(scale).plus(TWICE_CUT), this.bits);
	}

	/** Square root of what is not below zero in it. */
	squareRoot(): Ball {
		const lower = this.lower;
		const from = lower.negative ? BigInteger.ZERO : squareRoot(lower.shiftedLeft(this.bits));
		const to = squareRoot(this.upper.shiftedLeft(this.bits)).plus(CUT);
		return Ball.between(from, to, this.bits);
	}
}

/** Numerator of the value in units of 2^-bits, before the division by {@link scaledBottom}. Negative bits are units above 1. */
export function scaledTop(value: Rational, bits: i32): BigInteger {
	return bits > 0 ? value.numerator.shiftedLeft(bits) : value.numerator;
}

export function scaledBottom(value: Rational, bits: i32): BigInteger {
	return bits < 0 ? value.denominator.shiftedLeft(-bits) : value.denominator;
}
