// Whole numbers from and to decimal digits, nine of them at a time.
import { BigInteger } from "./big-integer";
import { divideLimbsSmall, multiplyLimbsSmall, significantLimbs } from "./limbs";

const CHUNK: u32 = 1_000_000_000;
const CHUNK_DIGITS: i32 = 9;

/** The number that a text of decimal digits stands for. */
export function fromDigits(digits: string): BigInteger {
	const limbs = new StaticArray<u32>(digits.length / CHUNK_DIGITS + 2);
	let length = 0;
	let index = 0;
	while (index < digits.length) {
		const end = min(index + CHUNK_DIGITS, digits.length);
		let chunk: u32 = 0;
		let scale: u32 = 1;
		for (; index < end; index++) {
			chunk = chunk * 10 + <u32>(digits.charCodeAt(index) - 0x30);
			scale *= 10;
		}
		multiplyLimbsSmall(limbs, limbs, length, scale, chunk);
		length = significantLimbs(limbs, length + 1);
	}
	return new BigInteger(limbs, length, false);
}

/** Decimal digits of the magnitude, without sign; "0" for zero. */
export function toDigits(value: BigInteger): string {
	if (value.isZero) return "0";
	const limbs = value.limbs.slice<StaticArray<u32>>(0, value.length);
	let length = value.length;
	// Each limb needs at most 9.64 digits.
	const capacity = length * 10 + CHUNK_DIGITS;
	const units = new StaticArray<u16>(capacity);
	let start = capacity;
	while (length > 0) {
		let chunk = divideLimbsSmall(limbs, limbs, length, CHUNK);
		length = significantLimbs(limbs, length);
		for (let count = 0; count < CHUNK_DIGITS && (length > 0 || chunk > 0); count++) {
			units[--start] = <u16>(0x30 + (chunk % 10));
			chunk /= 10;
		}
	}
	return String.UTF16.decodeUnsafe(changetype<usize>(units) + ((<usize>start) << 1), (<usize>(capacity - start)) << 1);
}

/** 10 to a power from 0 on. */
export function powerOfTen(exponent: i32): BigInteger {
	return BigInteger.of(10).power(exponent);
}
