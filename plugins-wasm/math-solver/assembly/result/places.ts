// How many digits after the point a result gets. A caller who asks for a precision gets at most that; otherwise terminating
// decimals come whole, and small numbers get as many significant digits as large ones get places, or 1e-30 / 3 would be 0.
import { MAX_PRECISION } from "../limits";
import { BigInteger } from "../number/big-integer";
import { powerOfTen } from "../number/decimal-text";
import { divideLimbsSmall, significantLimbs } from "../number/limbs";
import { Rational } from "../number/rational";

/** The largest power of 5 in 32 bits, and its exponent. */
const FIVES: u32 = 1_220_703_125;
const FIVES_EXPONENT: i32 = 13;

export class Precision {
	/** Digits after the point. */
	readonly places: i32;
	/** True when the caller asked for them, false when they come from the configuration. */
	readonly asked: bool;

	constructor(places: i32, asked: bool) {
		this.places = places;
		this.asked = asked;
	}

	/** Places for a fraction. */
	forExact(value: Rational): i32 {
		const needed = decimalPlaces(value.denominator);
		const places = this.asked ? this.places : this.forSize(value);
		if (needed < 0) return places;
		return needed <= places || (!this.asked && needed <= MAX_PRECISION) ? needed : places;
	}

	/** Places for a number of this size, which is not zero. */
	forSize(value: Rational): i32 {
		if (this.asked) return this.places;
		return max(this.places, max(this.places, 1) - 1 - decimalExponent(value));
	}
}

/** Digits after the point that 1/denominator has; -1 when it never ends. */
function decimalPlaces(denominator: BigInteger): i32 {
	const twos = denominator.trailingZeros;
	const odd = denominator.shiftedRight(twos);
	const limbs = odd.limbs.slice<StaticArray<u32>>(0, odd.length);
	const quotient = new StaticArray<u32>(odd.length);
	let length = odd.length;
	let fives = 0;
	let divisor = FIVES;
	while (length > 1 || unchecked(limbs[0]) > 1) {
		if (divideLimbsSmall(quotient, limbs, length, divisor) == 0) {
			memory.copy(changetype<usize>(limbs), changetype<usize>(quotient), (<usize>length) << 2);
			length = significantLimbs(limbs, length);
			fives += divisor == FIVES ? FIVES_EXPONENT : 1;
		} else if (divisor == FIVES) {
			divisor = 5;
		} else {
			return -1;
		}
	}
	return max(twos, fives);
}

/** The exponent of the number's first digit: 2 for 314, -3 for 0.00159. */
function decimalExponent(value: Rational): i32 {
	const bits = value.numerator.bitLength - value.denominator.bitLength;
	// 10^exponent ≤ 2^(bits - 1) ≤ |value| < 2^(bits + 1), so the exponent is right or one too small.
	const scaled = <i64>(bits - 1) * 30_103;
	const exponent = <i32>((scaled - (scaled < 0 ? 99_999 : 0)) / 100_000);
	return isAtLeast(value, exponent + 1) ? exponent + 1 : exponent;
}

/** |value| ≥ 10^exponent */
function isAtLeast(value: Rational, exponent: i32): bool {
	const top = value.numerator.absolute();
	if (exponent >= 0) return top.compareTo(value.denominator.times(powerOfTen(exponent))) >= 0;
	return top.times(powerOfTen(-exponent)).compareTo(value.denominator) >= 0;
}
