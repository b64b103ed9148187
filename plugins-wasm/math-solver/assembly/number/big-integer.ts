// Whole numbers without a limit of their own: sign and magnitude, never changed once made. How large they may become is
// decided by who calls (limits.ts); everything exact in this plugin rests on them.
import {
	addLimbs,
	compareLimbs,
	divideLimbs,
	divideLimbsSmall,
	Limbs,
	multiplyLimbs,
	multiplyLimbsSmall,
	shiftLimbsDown,
	shiftLimbsUp,
	significantLimbs,
	subtractLimbs,
} from "./limbs";

/** Quotient, cut towards zero, and remainder, with the sign of the dividend. */
export class Division {
	readonly quotient: BigInteger;
	readonly remainder: BigInteger;

	constructor(quotient: BigInteger, remainder: BigInteger) {
		this.quotient = quotient;
		this.remainder = remainder;
	}
}

export class BigInteger {
	static readonly ZERO: BigInteger = BigInteger.of(0);
	static readonly ONE: BigInteger = BigInteger.of(1);

	readonly limbs: Limbs;
	/** Limbs that count; 0 for zero. */
	readonly length: i32;
	readonly negative: bool;

	/** @param length limbs of the magnitude; leading zeros among them are dropped */
	constructor(limbs: Limbs, length: i32, negative: bool) {
		const significant = significantLimbs(limbs, length);
		this.limbs = limbs;
		this.length = significant;
		this.negative = negative && significant > 0;
	}

	static of(value: i64): BigInteger {
		const limbs = new StaticArray<u32>(2);
		const magnitude = value < 0 ? <u64>0 - <u64>value : <u64>value;
		limbs[0] = <u32>magnitude;
		limbs[1] = <u32>(magnitude >> 32);
		return new BigInteger(limbs, 2, value < 0);
	}

	// ---- questions -----------------------------------------------------------------------------------------------------

	get isZero(): bool {
		return this.length == 0;
	}

	get isOne(): bool {
		return this.length == 1 && !this.negative && unchecked(this.limbs[0]) == 1;
	}

	get isOdd(): bool {
		return this.length > 0 && (unchecked(this.limbs[0]) & 1) == 1;
	}

	/** -1, 0 or 1. */
	get sign(): i32 {
		return this.length == 0 ? 0 : this.negative ? -1 : 1;
	}

	/** Number of bits of the magnitude; 0 for zero. */
	get bitLength(): i32 {
		const length = this.length;
		return length == 0 ? 0 : length * 32 - <i32>clz(unchecked(this.limbs[length - 1]));
	}

	/** The value when it lies within ±(2^31 - 1), else `fallback`. */
	toI32(fallback: i32): i32 {
		if (this.length == 0) return 0;
		const low = unchecked(this.limbs[0]);
		if (this.length > 1 || low > 0x7fffffff) return fallback;
		return this.negative ? -(<i32>low) : <i32>low;
	}

	/** The value when its magnitude has at most 62 bits; a trap otherwise. */
	toI64(): i64 {
		assert(this.bitLength <= 62, "number has more than 62 bits");
		let magnitude: i64 = 0;
		for (let index = this.length - 1; index >= 0; index--) magnitude = (magnitude << 32) | <i64>unchecked(this.limbs[index]);
		return this.negative ? -magnitude : magnitude;
	}

	compareTo(other: BigInteger): i32 {
		if (this.negative != other.negative) return this.negative ? -1 : 1;
		const order = compareLimbs(this.limbs, this.length, other.limbs, other.length);
		return this.negative ? -order : order;
	}

	equals(other: BigInteger): bool {
		return this.compareTo(other) == 0;
	}

	// ---- sums ----------------------------------------------------------------------------------------------------------

	negated(): BigInteger {
		return new BigInteger(this.limbs, this.length, !this.negative);
	}

	absolute(): BigInteger {
		return this.negative ? this.negated() : this;
	}

	plus(other: BigInteger): BigInteger {
		return this.added(other, other.negative);
	}

	minus(other: BigInteger): BigInteger {
		return this.added(other, !other.negative);
	}

	private added(other: BigInteger, otherNegative: bool): BigInteger {
		const order = compareLimbs(this.limbs, this.length, other.limbs, other.length);
		const larger = order >= 0 ? this : other;
		const smaller = order >= 0 ? other : this;
		const negative = order >= 0 ? this.negative : otherNegative;
		if (this.negative == otherNegative) {
			const sum = new StaticArray<u32>(larger.length + 1);
			addLimbs(sum, larger.limbs, larger.length, smaller.limbs, smaller.length);
			return new BigInteger(sum, larger.length + 1, negative);
		}
		const difference = new StaticArray<u32>(larger.length);
		subtractLimbs(difference, larger.limbs, larger.length, smaller.limbs, smaller.length);
		return new BigInteger(difference, larger.length, negative);
	}

	// ---- products ------------------------------------------------------------------------------------------------------

	times(other: BigInteger): BigInteger {
		const length = this.length + other.length;
		const product = new StaticArray<u32>(length);
		multiplyLimbs(product, this.limbs, this.length, other.limbs, other.length);
		return new BigInteger(product, length, this.negative != other.negative);
	}

	timesSmall(factor: u32): BigInteger {
		const product = new StaticArray<u32>(this.length + 1);
		multiplyLimbsSmall(product, this.limbs, this.length, factor, 0);
		return new BigInteger(product, this.length + 1, this.negative);
	}

	/** The power to an exponent from 0 on. */
	power(exponent: i32): BigInteger {
		let result = BigInteger.ONE;
		let base: BigInteger = this;
		for (let left = exponent; left > 0; left >>= 1) {
			if ((left & 1) == 1) result = result.times(base);
			if (left > 1) base = base.times(base);
		}
		return result;
	}

	// ---- quotients -----------------------------------------------------------------------------------------------------

	/** Quotient cut towards zero. */
	dividedBySmall(divisor: u32): BigInteger {
		const quotient = new StaticArray<u32>(this.length);
		divideLimbsSmall(quotient, this.limbs, this.length, divisor);
		return new BigInteger(quotient, this.length, this.negative);
	}

	/** Division by anything but zero. */
	divide(divisor: BigInteger): Division {
		assert(divisor.length > 0, "division by zero");
		if (compareLimbs(this.limbs, this.length, divisor.limbs, divisor.length) < 0) return new Division(BigInteger.ZERO, this);
		const negative = this.negative != divisor.negative;
		if (divisor.length == 1) {
			const quotient = new StaticArray<u32>(this.length);
			const rest = new StaticArray<u32>(1);
			rest[0] = divideLimbsSmall(quotient, this.limbs, this.length, unchecked(divisor.limbs[0]));
			return new Division(new BigInteger(quotient, this.length, negative), new BigInteger(rest, 1, this.negative));
		}
		const shift = <i32>clz(unchecked(divisor.limbs[divisor.length - 1]));
		const rest = new StaticArray<u32>(this.length + 1);
		shiftLimbsUp(rest, this.limbs, this.length, shift);
		const normal = new StaticArray<u32>(divisor.length + 1);
		shiftLimbsUp(normal, divisor.limbs, divisor.length, shift);
		const places = this.length - divisor.length + 1;
		const quotient = new StaticArray<u32>(places);
		divideLimbs(quotient, rest, this.length, normal, divisor.length);
		shiftLimbsDown(rest, rest, divisor.length, shift);
		return new Division(new BigInteger(quotient, places, negative), new BigInteger(rest, divisor.length, this.negative));
	}

	/** Quotient cut towards zero. */
	dividedBy(divisor: BigInteger): BigInteger {
		return this.divide(divisor).quotient;
	}

	/** Largest whole number that is not above the quotient. */
	flooredBy(divisor: BigInteger): BigInteger {
		const division = this.divide(divisor);
		if (division.remainder.isZero || this.negative == divisor.negative) return division.quotient;
		return division.quotient.minus(BigInteger.ONE);
	}

	// ---- shifts --------------------------------------------------------------------------------------------------------

	/** Times 2^count. */
	shiftedLeft(count: i32): BigInteger {
		if (count == 0 || this.length == 0) return this;
		const out = new StaticArray<u32>(this.length + (count >> 5) + 1);
		shiftLimbsUp(out, this.limbs, this.length, count);
		return new BigInteger(out, out.length, this.negative);
	}

	/** Divided by 2^count, cut towards zero. */
	shiftedRight(count: i32): BigInteger {
		if (count == 0) return this;
		const length = this.length - (count >> 5);
		if (length <= 0) return BigInteger.ZERO;
		const out = new StaticArray<u32>(length);
		shiftLimbsDown(out, this.limbs, this.length, count);
		return new BigInteger(out, length, this.negative);
	}

	/** Times 2^count; a negative count divides and cuts towards zero. */
	scaled(count: i32): BigInteger {
		return count >= 0 ? this.shiftedLeft(count) : this.shiftedRight(-count);
	}

	/** How many times 2 divides it; 0 for zero. */
	get trailingZeros(): i32 {
		for (let index = 0; index < this.length; index++) {
			const limb = unchecked(this.limbs[index]);
			if (limb != 0) return index * 32 + <i32>ctz(limb);
		}
		return 0;
	}
}
