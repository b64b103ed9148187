// Exact fractions, always reduced, denominator above zero. Decimals are fractions too, so 0.1 is one tenth and not the
// double next to it.
import { BigInteger } from "./big-integer";
import { greatestCommonDivisor } from "./common-divisor";

export class Rational {
	static readonly ZERO: Rational = new Rational(BigInteger.ZERO, BigInteger.ONE);
	static readonly ONE: Rational = new Rational(BigInteger.ONE, BigInteger.ONE);

	readonly numerator: BigInteger;
	readonly denominator: BigInteger;

	/** Of a pair that is reduced already; see {@link Rational.ratio}. */
	constructor(numerator: BigInteger, denominator: BigInteger) {
		this.numerator = numerator;
		this.denominator = denominator;
	}

	static whole(value: BigInteger): Rational {
		return new Rational(value, BigInteger.ONE);
	}

	/** The reduced quotient of two whole numbers; the second is not zero. */
	static ratio(numerator: BigInteger, denominator: BigInteger): Rational {
		const divisor = greatestCommonDivisor(numerator, denominator);
		const top = denominator.negative ? numerator.negated() : numerator;
		const bottom = denominator.absolute();
		if (divisor.isOne) return new Rational(top, bottom);
		return new Rational(top.dividedBy(divisor), bottom.dividedBy(divisor));
	}

	// ---- questions -----------------------------------------------------------------------------------------------------

	get isZero(): bool {
		return this.numerator.isZero;
	}

	get isWhole(): bool {
		return this.denominator.isOne;
	}

	/** -1, 0 or 1. */
	get sign(): i32 {
		return this.numerator.sign;
	}

	/** Bits of the longer one of numerator and denominator. */
	get bits(): i32 {
		return max(this.numerator.bitLength, this.denominator.bitLength);
	}

	compareTo(other: Rational): i32 {
		if (this.sign != other.sign) return this.sign < other.sign ? -1 : 1;
		return this.numerator.times(other.denominator).compareTo(other.numerator.times(this.denominator));
	}

	equals(other: Rational): bool {
		return this.numerator.equals(other.numerator) && this.denominator.equals(other.denominator);
	}

	// ---- arithmetic ----------------------------------------------------------------------------------------------------

	negated(): Rational {
		return new Rational(this.numerator.negated(), this.denominator);
	}

	absolute(): Rational {
		return this.numerator.negative ? this.negated() : this;
	}

	/** One divided by this, which is not zero. */
	inverse(): Rational {
		const bottom = this.numerator.absolute();
		return new Rational(this.numerator.negative ? this.denominator.negated() : this.denominator, bottom);
	}

	plus(other: Rational): Rational {
		if (this.isWhole && other.isWhole) return Rational.whole(this.numerator.plus(other.numerator));
		// Only what divides both denominators can divide the sum (Knuth 4.5.1), so the divisors stay short.
		const shared = greatestCommonDivisor(this.denominator, other.denominator);
		if (shared.isOne) {
			const top = this.numerator.times(other.denominator).plus(other.numerator.times(this.denominator));
			return new Rational(top, this.denominator.times(other.denominator));
		}
		const own = this.denominator.dividedBy(shared);
		const top = this.numerator.times(other.denominator.dividedBy(shared)).plus(other.numerator.times(own));
		const divisor = greatestCommonDivisor(top, shared);
		return new Rational(top.dividedBy(divisor), own.times(other.denominator.dividedBy(divisor)));
	}

	minus(other: Rational): Rational {
		return this.plus(other.negated());
	}

	times(other: Rational): Rational {
		if (this.isWhole && other.isWhole) return Rational.whole(this.numerator.times(other.numerator));
		const left = greatestCommonDivisor(this.numerator, other.denominator);
		const right = greatestCommonDivisor(other.numerator, this.denominator);
		return new Rational(
			this.numerator.dividedBy(left).times(other.numerator.dividedBy(right)),
			this.denominator.dividedBy(right).times(other.denominator.dividedBy(left)),
		);
	}

	/** Quotient; `other` is not zero. */
	dividedBy(other: Rational): Rational {
		return this.times(other.inverse());
	}

	/** The power to any whole exponent; zero only to exponents from 0 on. */
	power(exponent: i32): Rational {
		if (exponent < 0) return this.inverse().power(-exponent);
		return new Rational(this.numerator.power(exponent), this.denominator.power(exponent));
	}

	// ---- whole numbers nearby ------------------------------------------------------------------------------------------

	floor(): BigInteger {
		return this.numerator.flooredBy(this.denominator);
	}

	/** Nearest whole number; halves go away from zero. */
	round(): BigInteger {
		const doubled = this.numerator.absolute().shiftedLeft(1).plus(this.denominator);
		const rounded = doubled.dividedBy(this.denominator.shiftedLeft(1));
		return this.numerator.negative ? rounded.negated() : rounded;
	}
}
