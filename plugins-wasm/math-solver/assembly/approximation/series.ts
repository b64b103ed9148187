// The irrational functions on whole numbers that count units of 2^-bits: arguments made small first, then a series. Floating
// point has no part in any digit. Each function says how far off it can be; the callers add spare bits for that.
import { BigInteger } from "../number/big-integer";
import { squareRoot } from "../number/integer-root";
import { addLimbs, divideLimbsSmall, significantLimbs } from "../number/limbs";

/** Bits that the functions below can lose, at most, besides those that {@link reductions} costs. */
export const SPARE_BITS: i32 = 64;

/** How often an argument is made smaller before a series: about as much work as the terms that it saves. */
export function reductions(bits: i32): i32 {
	return <i32>Math.sqrt(<f64>bits) / 3 + 2;
}

/** Steps (see limits.ts) that one of the functions below takes, roughly. */
export function seriesSteps(bits: i32): i64 {
	const limbs = <i64>(bits >> 5) + 2;
	return (<i64>reductions(bits) * 8 + 20) * (limbs * limbs + 60);
}

/** π, less than 2 units off: the series of Chudnovsky, 47 bits for each term. */
export function computePi(bits: i32): BigInteger {
	const work = bits + SPARE_BITS;
	let term = BigInteger.ONE.shiftedLeft(work);
	let plain = term;
	let weighted = BigInteger.ZERO;
	for (let index: u32 = 1; !term.isZero; index++) {
		// The term's factor is -(6k-5)(2k-1)(6k-1) / (k³ · 640320³ / 24); it fits 32 bits for 390 terms, 18,000 bits.
		term = term
			.timesSmall((6 * index - 5) * (2 * index - 1) * (6 * index - 1))
			.dividedBySmall(index * index * index)
			.dividedBySmall(640_320)
			.dividedBySmall(640_320)
			.dividedBySmall(26_680)
			.negated();
		plain = plain.plus(term);
		weighted = weighted.plus(term.timesSmall(index));
	}
	const sum = plain.timesSmall(13_591_409).plus(weighted.timesSmall(545_140_134));
	const root = squareRoot(BigInteger.of(10_005).shiftedLeft(2 * work)).timesSmall(426_880);
	return root.shiftedLeft(work).dividedBy(sum).shiftedRight(SPARE_BITS);
}

/** The natural logarithm of 2, less than 2 units off: 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749). */
export function computeLogOfTwo(bits: i32): BigInteger {
	const work = bits + SPARE_BITS;
	return inverseArtanh(26, work)
		.timesSmall(18)
		.minus(inverseArtanh(4_801, work).timesSmall(2))
		.plus(inverseArtanh(8_749, work).timesSmall(8))
		.shiftedRight(SPARE_BITS);
}

/** artanh(1/n), two units off for each term. Works in place, because the terms are many and each is cheap. */
function inverseArtanh(n: u32, bits: i32): BigInteger {
	const first = BigInteger.ONE.shiftedLeft(bits).dividedBySmall(n);
	const power = first.limbs;
	let length = first.length;
	const places = length + 1;
	const sum = new StaticArray<u32>(places + 1);
	addLimbs(sum, sum, places, power, length);
	const term = new StaticArray<u32>(length);
	let odd: u32 = 1;
	while (true) {
		odd += 2;
		divideLimbsSmall(power, power, length, n * n);
		length = significantLimbs(power, length);
		if (length == 0) return new BigInteger(sum, places, false);
		divideLimbsSmall(term, power, length, odd);
		addLimbs(sum, sum, places, term, length);
	}
}

/** e to the power of `x`, for |x| ≤ 1. */
export function exponential(x: BigInteger, bits: i32): BigInteger {
	const halvings = reductions(bits);
	const small = x.shiftedRight(halvings);
	let term = BigInteger.ONE.shiftedLeft(bits);
	let sum = term;
	for (let index: u32 = 1; !term.isZero; index++) {
		term = term.times(small).shiftedRight(bits).dividedBySmall(index);
		sum = sum.plus(term);
	}
	// Each squaring doubles the relative error, so the halvings cost as many bits.
	for (let turn = 0; turn < halvings; turn++) sum = sum.times(sum).shiftedRight(bits);
	return sum;
}

/** Natural logarithm of `x`, for 1/2 ≤ x ≤ 2. */
export function logarithm(x: BigInteger, bits: i32): BigInteger {
	const roots = reductions(bits);
	const one = BigInteger.ONE.shiftedLeft(bits);
	let near = x;
	for (let turn = 0; turn < roots; turn++) near = squareRoot(near.shiftedLeft(bits));
	// ln x = 2 artanh((x - 1) / (x + 1)); each root halved the logarithm.
	const z = near.minus(one).shiftedLeft(bits).dividedBy(near.plus(one));
	return oddSeries(z, z.times(z).shiftedRight(bits), bits).shiftedLeft(roots + 1);
}

/** Arc tangent of `x`, for |x| ≤ 1. */
export function arcTangent(x: BigInteger, bits: i32): BigInteger {
	const halvings = reductions(bits);
	const one = BigInteger.ONE.shiftedLeft(bits);
	const oneSquared = one.shiftedLeft(bits);
	let z = x;
	// arctan z = 2 arctan(z / (1 + √(1 + z²)))
	for (let turn = 0; turn < halvings; turn++) {
		z = z.shiftedLeft(bits).dividedBy(squareRoot(oneSquared.plus(z.times(z))).plus(one));
	}
	return oddSeries(z, z.times(z).shiftedRight(bits).negated(), bits).shiftedLeft(halvings);
}

/** z + z·s/3 + z·s²/5 + …, the series of artanh for s = z², and of arctan for s = -z². */
function oddSeries(z: BigInteger, step: BigInteger, bits: i32): BigInteger {
	let power = z;
	let sum = z;
	for (let odd: u32 = 3; !power.isZero; odd += 2) {
		power = power.times(step).shiftedRight(bits);
		sum = sum.plus(power.dividedBySmall(odd));
	}
	return sum;
}

/** Sine of `x`, for |x| ≤ 2. */
export function sine(x: BigInteger, bits: i32): BigInteger {
	const thirds = min(reductions(bits), 20);
	let divisor: u32 = 1;
	for (let turn = 0; turn < thirds; turn++) divisor *= 3;
	const small = x.dividedBySmall(divisor);
	const step = small.times(small).shiftedRight(bits).negated();
	let term = small;
	let sum = small;
	for (let index: u32 = 2; !term.isZero; index += 2) {
		term = term
			.times(step)
			.shiftedRight(bits)
			.dividedBySmall(index * (index + 1));
		sum = sum.plus(term);
	}
	// sin 3a = 3 sin a - 4 sin³ a; each turn triples the error.
	for (let turn = 0; turn < thirds; turn++) {
		const cube = sum.times(sum).shiftedRight(bits).times(sum).shiftedRight(bits);
		sum = sum.timesSmall(3).minus(cube.timesSmall(4));
	}
	return sum;
}
