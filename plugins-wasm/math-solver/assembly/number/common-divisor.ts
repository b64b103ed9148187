// The greatest common divisor, by Lehmer's algorithm: most steps of Euclid's are done on the leading 64 bits alone. Fractions
// are reduced after each operation, so with Euclid's own steps numbers of thousands of digits would not fit the time limit.
import { BigInteger } from "./big-integer";
import { compareLimbs, Limbs, significantLimbs } from "./limbs";

const LOW: u64 = 0xffffffff;

/** Greatest common divisor of the magnitudes; the other one when one is zero. */
export function greatestCommonDivisor(first: BigInteger, second: BigInteger): BigInteger {
	let a = first.absolute();
	let b = second.absolute();
	if (compareLimbs(a.limbs, a.length, b.limbs, b.length) < 0) {
		const swapped = a;
		a = b;
		b = swapped;
	}
	// One plain step makes both about equally long, and often one limb.
	if (b.length > 0 && a.length > b.length) {
		const rest = a.divide(b).remainder;
		a = b;
		b = rest;
	}
	return b.length > 1 ? new LehmerPair(a, b).divisor() : smallDivisor(a, b);
}

/** For `b` of at most one limb. */
function smallDivisor(a: BigInteger, b: BigInteger): BigInteger {
	if (b.isZero) return a;
	let left = unchecked(b.limbs[0]);
	const rest = a.divide(b).remainder;
	let right = rest.isZero ? 0 : unchecked(rest.limbs[0]);
	while (right != 0) {
		const next = left % right;
		left = right;
		right = next;
	}
	return BigInteger.of(<i64>left);
}

/** The two numbers of Euclid's algorithm, changed in place: the steps of one divisor need two buffers and no more. */
class LehmerPair {
	private a: Limbs;
	private b: Limbs;
	private aLength: i32;
	private bLength: i32;

	constructor(a: BigInteger, b: BigInteger) {
		this.a = a.limbs.slice<Limbs>(0, a.length);
		this.b = new StaticArray<u32>(a.length);
		memory.copy(changetype<usize>(this.b), changetype<usize>(b.limbs), (<usize>b.length) << 2);
		this.aLength = a.length;
		this.bLength = b.length;
	}

	divisor(): BigInteger {
		while (this.bLength > 1) {
			if (!this.leap()) this.step();
		}
		return smallDivisor(new BigInteger(this.a, this.aLength, false), new BigInteger(this.b, this.bLength, false));
	}

	/** One step of Euclid's algorithm. */
	private step(): void {
		const a = new BigInteger(this.a, this.aLength, false);
		const rest = a.divide(new BigInteger(this.b, this.bLength, false)).remainder;
		const spare = this.a;
		this.a = this.b;
		this.aLength = this.bLength;
		this.b = spare;
		this.bLength = rest.length;
		memory.fill(changetype<usize>(spare), 0, (<usize>this.aLength) << 2);
		memory.copy(changetype<usize>(spare), changetype<usize>(rest.limbs), (<usize>rest.length) << 2);
	}

	/** As many steps at once as the leading 64 bits allow (Collins' and Jebelean's condition); false when they allow none. */
	private leap(): bool {
		const shift = <i32>clz(unchecked(this.a[this.aLength - 1]));
		let high = this.leading(this.a, shift);
		let low = this.leading(this.b, shift);
		let u0: u64 = 0;
		let u1: u64 = 1;
		let u2: u64 = 0;
		let v0: u64 = 0;
		let v1: u64 = 0;
		let v2: u64 = 1;
		let even = false;
		while (low >= v2 && high - low >= v1 + v2) {
			const quotient = high / low;
			const rest = high % low;
			high = low;
			low = rest;
			const u3 = u1 + quotient * u2;
			u0 = u1;
			u1 = u2;
			u2 = u3;
			const v3 = v1 + quotient * v2;
			v0 = v1;
			v1 = v2;
			v2 = v3;
			even = !even;
		}
		if (v0 == 0) return false;
		// The signs of the factors alternate: a' = u0·a - v0·b and b' = v1·b - u1·a after an even number of steps, else negated.
		if (even) this.combine(this.a, this.b, u0, v0, v1, u1);
		else this.combine(this.b, this.a, v0, u0, u1, v1);
		return true;
	}

	/** `a = p·first - q·second` and `b = r·second - s·first`, for factors below 2^32; neither goes below zero. */
	private combine(first: Limbs, second: Limbs, p: u64, q: u64, r: u64, s: u64): void {
		const length = this.aLength;
		let plusP: u64 = 0;
		let minusQ: u64 = 0;
		let plusR: u64 = 0;
		let minusS: u64 = 0;
		let borrowA: u64 = 0;
		let borrowB: u64 = 0;
		for (let index = 0; index < length; index++) {
			const x = <u64>unchecked(first[index]);
			const y = <u64>unchecked(second[index]);
			plusP += p * x;
			minusQ += q * y;
			plusR += r * y;
			minusS += s * x;
			const nextA = (plusP & LOW) - (minusQ & LOW) - borrowA;
			const nextB = (plusR & LOW) - (minusS & LOW) - borrowB;
			unchecked((this.a[index] = <u32>nextA));
			unchecked((this.b[index] = <u32>nextB));
			borrowA = nextA >> 63;
			borrowB = nextB >> 63;
			plusP >>= 32;
			minusQ >>= 32;
			plusR >>= 32;
			minusS >>= 32;
		}
		this.aLength = significantLimbs(this.a, length);
		this.bLength = significantLimbs(this.b, this.aLength);
	}

	/** Bits of a number at the place of the 64 leading bits of `a`. */
	private leading(limbs: Limbs, shift: i32): u64 {
		const top = this.aLength - 1;
		const head = ((<u64>unchecked(limbs[top])) << 32) | <u64>unchecked(limbs[top - 1]);
		const tail = top >= 2 ? <u64>unchecked(limbs[top - 2]) : 0;
		return (head << shift) | ((tail << shift) >> 32);
	}
}
