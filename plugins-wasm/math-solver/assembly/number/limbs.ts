// Arithmetic on magnitudes: arrays of 32-bit limbs, the least significant first. The only place that knows how a carry goes
// from limb to limb. Arrays may be longer than their number, so every function takes the number of limbs that count.

export type Limbs = StaticArray<u32>;

const LOW: u64 = 0xffffffff;

/** Number of limbs without leading zeros. */
export function significantLimbs(limbs: Limbs, length: i32): i32 {
	let count = length;
	while (count > 0 && unchecked(limbs[count - 1]) == 0) count--;
	return count;
}

/** -1, 0 or 1 as `a` is below, equal to or above `b`; both without leading zeros. */
export function compareLimbs(a: Limbs, aLength: i32, b: Limbs, bLength: i32): i32 {
	if (aLength != bLength) return aLength < bLength ? -1 : 1;
	for (let index = aLength - 1; index >= 0; index--) {
		const left = unchecked(a[index]);
		const right = unchecked(b[index]);
		if (left != right) return left < right ? -1 : 1;
	}
	return 0;
}

/** `out = a + b`, where `a` has at least as many limbs as `b`, and `out` one more than `a`. `out` may be `a`. */
export function addLimbs(out: Limbs, a: Limbs, aLength: i32, b: Limbs, bLength: i32): void {
	let carry: u64 = 0;
	let index = 0;
	for (; index < bLength; index++) {
		carry += <u64>unchecked(a[index]) + <u64>unchecked(b[index]);
		unchecked((out[index] = <u32>carry));
		carry >>= 32;
	}
	for (; index < aLength; index++) {
		carry += <u64>unchecked(a[index]);
		unchecked((out[index] = <u32>carry));
		carry >>= 32;
	}
	unchecked((out[aLength] = <u32>carry));
}

/** `out = a - b`, where `a` is not below `b`, and `out` has the limbs of `a`. `out` may be `a`. */
export function subtractLimbs(out: Limbs, a: Limbs, aLength: i32, b: Limbs, bLength: i32): void {
	let borrow: u64 = 0;
	let index = 0;
	for (; index < bLength; index++) {
		const difference = <u64>unchecked(a[index]) - <u64>unchecked(b[index]) - borrow;
		unchecked((out[index] = <u32>difference));
		borrow = difference >> 63;
	}
	for (; index < aLength; index++) {
		const difference = <u64>unchecked(a[index]) - borrow;
		unchecked((out[index] = <u32>difference));
		borrow = difference >> 63;
	}
}

/** `out = a · b`; `out` is zero before and has `aLength + bLength` limbs. */
export function multiplyLimbs(out: Limbs, a: Limbs, aLength: i32, b: Limbs, bLength: i32): void {
	for (let row = 0; row < bLength; row++) {
		const factor = <u64>unchecked(b[row]);
		let carry: u64 = 0;
		for (let column = 0; column < aLength; column++) {
			carry += <u64>unchecked(a[column]) * factor + <u64>unchecked(out[row + column]);
			unchecked((out[row + column] = <u32>carry));
			carry >>= 32;
		}
		unchecked((out[row + aLength] = <u32>carry));
	}
}

/** `out = a · factor + addend`; `out` has one limb more than `a` and may be `a`. */
export function multiplyLimbsSmall(out: Limbs, a: Limbs, length: i32, factor: u32, addend: u32): void {
	let carry: u64 = addend;
	for (let index = 0; index < length; index++) {
		carry += <u64>unchecked(a[index]) * <u64>factor;
		unchecked((out[index] = <u32>carry));
		carry >>= 32;
	}
	unchecked((out[length] = <u32>carry));
}

/** `out = a / divisor`, and returns the remainder. `out` has the limbs of `a` and may be `a`. */
export function divideLimbsSmall(out: Limbs, a: Limbs, length: i32, divisor: u32): u32 {
	let remainder: u64 = 0;
	for (let index = length - 1; index >= 0; index--) {
		const part = (remainder << 32) | <u64>unchecked(a[index]);
		unchecked((out[index] = <u32>(part / divisor)));
		remainder = part % divisor;
	}
	return <u32>remainder;
}

/** `out = a · 2^count`; `out` has `count / 32 + 1` limbs more than `a` and is not `a`. */
export function shiftLimbsUp(out: Limbs, a: Limbs, length: i32, count: i32): void {
	const whole = count >> 5;
	const bits = count & 31;
	let carry: u64 = 0;
	for (let index = 0; index < length; index++) {
		carry |= (<u64>unchecked(a[index])) << bits;
		unchecked((out[index + whole] = <u32>carry));
		carry >>= 32;
	}
	unchecked((out[length + whole] = <u32>carry));
}

/** `out = a / 2^count`; `out` has `count / 32` limbs less than `a` and may be `a`. */
export function shiftLimbsDown(out: Limbs, a: Limbs, length: i32, count: i32): void {
	const whole = count >> 5;
	const bits = count & 31;
	for (let index = whole; index < length; index++) {
		const higher = index + 1 < length ? (<u64>unchecked(a[index + 1])) << 32 : 0;
		unchecked((out[index - whole] = <u32>((higher | <u64>unchecked(a[index])) >> bits)));
	}
}

/**
 * Divides by at least two limbs (Knuth, The Art of Computer Programming 2, algorithm 4.3.1 D).
 *
 * @param dividend `length + 1` limbs with a zero or shifted-out limb at the end; holds the remainder afterwards
 * @param divisor its highest bit is set
 * @param quotient `length - divisorLength + 1` limbs
 */
export function divideLimbs(quotient: Limbs, dividend: Limbs, length: i32, divisor: Limbs, divisorLength: i32): void {
	const first = <u64>unchecked(divisor[divisorLength - 1]);
	const second = <u64>unchecked(divisor[divisorLength - 2]);
	for (let place = length - divisorLength; place >= 0; place--) {
		const top = place + divisorLength;
		const head = ((<u64>unchecked(dividend[top])) << 32) | <u64>unchecked(dividend[top - 1]);
		let digit = head / first;
		let rest = head % first;
		while (digit > LOW || digit * second > ((rest << 32) | <u64>unchecked(dividend[top - 2]))) {
			digit--;
			rest += first;
			if (rest > LOW) break;
		}
		if (subtractProduct(dividend, place, divisor, divisorLength, digit)) {
			digit--;
			addBack(dividend, place, divisor, divisorLength);
		}
		unchecked((quotient[place] = <u32>digit));
	}
}

/** Subtracts `divisor · digit` at a place; true when the result went below zero. */
function subtractProduct(dividend: Limbs, place: i32, divisor: Limbs, divisorLength: i32, digit: u64): bool {
	let carry: u64 = 0;
	let borrow: u64 = 0;
	for (let index = 0; index < divisorLength; index++) {
		carry += digit * <u64>unchecked(divisor[index]);
		const difference = <u64>unchecked(dividend[place + index]) - (carry & LOW) - borrow;
		unchecked((dividend[place + index] = <u32>difference));
		borrow = difference >> 63;
		carry >>= 32;
	}
	const difference = <u64>unchecked(dividend[place + divisorLength]) - carry - borrow;
	unchecked((dividend[place + divisorLength] = <u32>difference));
	return difference >> 63 != 0;
}

function addBack(dividend: Limbs, place: i32, divisor: Limbs, divisorLength: i32): void {
	let carry: u64 = 0;
	for (let index = 0; index < divisorLength; index++) {
		carry += <u64>unchecked(dividend[place + index]) + <u64>unchecked(divisor[index]);
		unchecked((dividend[place + index] = <u32>carry));
		carry >>= 32;
	}
	unchecked((dividend[place + divisorLength] = <u32>(<u64>unchecked(dividend[place + divisorLength]) + carry)));
}
