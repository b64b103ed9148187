// Whole roots of whole numbers, cut towards zero. Roots of fractions and of approximations are roots of scaled whole numbers.
import { BigInteger } from "./big-integer";

/** Largest whole number whose square is not above `value`, which is not negative. */
export function squareRoot(value: BigInteger): BigInteger {
	if (value.isZero) return value;
	// Each turn doubles the digits that are right (the method of Python's math.isqrt), so the last division is all that counts.
	const half = (value.bitLength - 1) >> 1;
	let root = BigInteger.ONE;
	let bits = 0;
	for (let turn = 31 - <i32>clz(half); half > 0 && turn >= 0; turn--) {
		const before = bits;
		bits = half >> turn;
		const scaled = value.shiftedRight(2 * half - before - bits + 1);
		root = root.shiftedLeft(bits - before - 1).plus(scaled.dividedBy(root));
	}
	return root.times(root).compareTo(value) > 0 ? root.minus(BigInteger.ONE) : root;
}

/** Largest whole number whose `degree`-th power is not above `value`. Not negative; the degree is at least 2. */
export function integerRoot(value: BigInteger, degree: i32): BigInteger {
	if (degree == 2) return squareRoot(value);
	const bits = value.bitLength;
	if (bits <= degree) return value.isZero ? value : BigInteger.ONE;
	// Newton's method falls towards the root from above; it starts from the root of the leading half of the digits.
	const spare = bits / (2 * degree);
	let root =
		spare < 4
			? BigInteger.ONE.shiftedLeft((bits + degree - 1) / degree)
			: integerRoot(value.shiftedRight(spare * degree), degree)
					.plus(BigInteger.ONE)
					.shiftedLeft(spare);
	while (true) {
		const next = root
			.timesSmall(degree - 1)
			.plus(value.dividedBy(root.power(degree - 1)))
			.dividedBySmall(degree);
		if (next.compareTo(root) >= 0) return root;
		root = next;
	}
}
