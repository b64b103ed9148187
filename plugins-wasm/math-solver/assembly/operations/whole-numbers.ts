// Operations on whole numbers only: factorial, binomial coefficient, greatest common divisor, least common multiple.
import { DOMAIN_ERROR, TOO_LARGE } from "../fault";
import { MAX_BITS, MAX_FACTORIAL } from "../limits";
import { BigInteger } from "../number/big-integer";
import { greatestCommonDivisor } from "../number/common-divisor";
import { divideLimbsSmall, multiplyLimbsSmall, significantLimbs } from "../number/limbs";
import { Run } from "../run";
import { Value } from "../value";
import { checked, failTooManyDigits, nothing } from "./arithmetic";
import { divisorSteps, productSteps } from "./steps";

/** True when all values are exact whole numbers; notes a fault when not. */
function areWhole(run: Run, name: string, values: Array<Value>): bool {
	for (let index = 0; index < values.length; index++) {
		if (values[index].isWhole) continue;
		run.fail(DOMAIN_ERROR, `${name} takes whole numbers only.`);
		return false;
	}
	return true;
}

export function factorial(run: Run, values: Array<Value>): Value {
	if (!areWhole(run, "A factorial", values)) return nothing();
	const argument = values[0].rational.numerator;
	if (argument.negative) {
		run.fail(DOMAIN_ERROR, "A factorial takes whole numbers from 0 on.");
		return nothing();
	}
	const count = argument.toI32(i32.MAX_VALUE);
	if (count > MAX_FACTORIAL) {
		run.fail(TOO_LARGE, `Factorials go up to ${MAX_FACTORIAL}!.`);
		return nothing();
	}
	const places = (count * 11) / 32 + 2;
	if (!run.spend(<i64>count * places)) return nothing();
	const product = new StaticArray<u32>(places + 1);
	product[0] = 1;
	let length = 1;
	for (let factor = 2; factor <= count; factor++) {
		multiplyLimbsSmall(product, product, length, <u32>factor, 0);
		length = significantLimbs(product, length + 1);
	}
	return Value.whole(new BigInteger(product, length, false));
}

/** choose(n, k): how many ways there are to take k of n things. */
export function choose(run: Run, values: Array<Value>): Value {
	if (!areWhole(run, "choose", values)) return nothing();
	const all = values[0].rational.numerator;
	const taken = values[1].rational.numerator;
	if (all.negative || taken.negative) {
		run.fail(DOMAIN_ERROR, "choose takes whole numbers from 0 on.");
		return nothing();
	}
	if (taken.compareTo(all) > 0) return Value.whole(BigInteger.ZERO);
	const n = all.toI32(-1);
	if (n < 0) {
		run.fail(TOO_LARGE, "The first argument of choose can be 2147483647 at most.");
		return nothing();
	}
	const given = taken.toI32(0);
	const k = min(given, n - given);
	// The result has at least k bits.
	if (k > MAX_BITS) {
		failTooManyDigits(run);
		return nothing();
	}
	const product = new StaticArray<u32>((MAX_BITS >> 5) + 4);
	product[0] = 1;
	let length = 1;
	for (let index = 0; index < k; index++) {
		if (!run.spend(2 * length + 2)) return nothing();
		multiplyLimbsSmall(product, product, length, <u32>(n - index), 0);
		length = significantLimbs(product, length + 1);
		divideLimbsSmall(product, product, length, <u32>(index + 1));
		length = significantLimbs(product, length);
		if (length > (MAX_BITS >> 5) + 1) {
			failTooManyDigits(run);
			return nothing();
		}
	}
	return checked(run, Value.whole(new BigInteger(product, length, false)));
}

/** Greatest common divisor of all arguments, at least 0. */
export function commonDivisor(run: Run, values: Array<Value>): Value {
	if (!areWhole(run, "gcd", values)) return nothing();
	let divisor = BigInteger.ZERO;
	for (let index = 0; index < values.length; index++) {
		const next = values[index].rational.numerator;
		if (!run.spend(divisorSteps(divisor, next))) return nothing();
		divisor = greatestCommonDivisor(divisor, next);
	}
	return Value.whole(divisor);
}

/** Least common multiple of all arguments, at least 0. */
export function commonMultiple(run: Run, values: Array<Value>): Value {
	if (!areWhole(run, "lcm", values)) return nothing();
	let multiple = Value.whole(BigInteger.ONE);
	for (let index = 0; index < values.length; index++) {
		const next = values[index].rational.numerator.absolute();
		if (next.isZero) return Value.whole(BigInteger.ZERO);
		const before = multiple.rational.numerator;
		if (!run.spend(divisorSteps(before, next) + 2 * productSteps(before, next))) return nothing();
		multiple = checked(run, Value.whole(before.dividedBy(greatestCommonDivisor(before, next)).times(next)));
		if (run.stopped) return nothing();
	}
	return multiple;
}
