// The double that a decimal number names: the nearest one, of two the even one, as JSON.parse has it. The standard library's
// parseFloat is off by a step for some numbers, and by powers of ten for a few large ones (1.3743749646976649e40).
import { Natural } from "./natural";

/** Powers of ten that a double holds exactly. */
const POWERS: StaticArray<f64> = [
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
const EXACT_POWER: i32 = 22;
const EXACT_INTEGER: u64 = 1 << 53;

/** Digits that decide; of those behind them it matters only whether one is not zero. */
const MAX_DIGITS: i32 = 800;
/** Numbers from 10^310 on are infinite, and below 10^-330 they are zero. */
const MAX_EXPONENT: i32 = 310;
const MIN_EXPONENT: i32 = -330;

/** Used again by each number. */
const VALUE: Natural = new Natural();
const LEFT: Natural = new Natural();
const RIGHT: Natural = new Natural();

const INFINITY: u64 = 0x7ff0000000000000;

/** @param numeral a number as JSON writes it */
export function nearestDouble(numeral: string): f64 {
	const decimal = new Decimal(numeral);
	const size = decimal.size();
	return numeral.charCodeAt(0) == 0x2d ? -size : size;
}

class Decimal {
	private numeral: string;
	/** Index of the first digit that is not zero. */
	private first: i32 = 0;
	/** Digits from there on, at most {@link MAX_DIGITS}; and whether one that is not zero follows. */
	private digits: i32 = 0;
	private isCut: bool = false;
	/** The digits as an integer, as long as it is exact. */
	private integer: u64 = 0;
	/** Power of ten of the last of the digits. */
	private exponent: i32 = 0;

	constructor(numeral: string) {
		this.numeral = numeral;
		let index = 0;
		let isFraction = false;
		for (; index < numeral.length; index++) {
			const unit = numeral.charCodeAt(index);
			if (unit == 0x2e) isFraction = true;
			else if (unit == 0x65 || unit == 0x45) break;
			else if (unit != 0x2d) this.addDigit(unit - 0x30, index, isFraction);
		}
		if (index < numeral.length) this.exponent += exponentAt(numeral, index + 1);
	}

	private addDigit(digit: i32, index: i32, isFraction: bool): void {
		if (this.digits == 0) {
			if (digit != 0) this.first = index;
			else if (isFraction) this.exponent--;
			if (digit == 0) return;
		}
		if (this.digits < MAX_DIGITS) {
			this.digits++;
			if (this.digits < 19) this.integer = this.integer * 10 + digit;
			if (isFraction) this.exponent--;
		} else {
			if (digit != 0) this.isCut = true;
			if (!isFraction) this.exponent++;
		}
	}

	/** The number without its sign. */
	size(): f64 {
		const magnitude = this.digits + this.exponent;
		if (this.digits == 0 || magnitude < MIN_EXPONENT) return 0;
		if (magnitude > MAX_EXPONENT) return f64.POSITIVE_INFINITY;
		if (this.digits < 19 && this.integer <= EXACT_INTEGER && abs(this.exponent) <= EXACT_POWER) {
			const integer = <f64>this.integer;
			return this.exponent < 0 ? integer / POWERS[-this.exponent] : integer * POWERS[this.exponent];
		}
		return reinterpret<f64>(this.search());
	}

	/** Bits of the double: positive doubles are in the order of their bits. */
	private search(): u64 {
		this.readDigits();
		let low: u64 = 0;
		let high = INFINITY;
		// Nearly always it is a neighbour of this one.
		const guess = reinterpret<u64>(Math.abs(F64.parseFloat(this.numeral)));
		if (guess > 2 && guess < INFINITY - 2 && this.isAbove(guess - 3) && !this.isAbove(guess + 2)) {
			low = guess - 2;
			high = guess + 2;
		}
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.isAbove(middle)) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	private readDigits(): void {
		VALUE.set(0);
		let left = this.digits;
		for (let index = this.first; left > 0; index++) {
			const unit = this.numeral.charCodeAt(index);
			if (unit == 0x2e) continue;
			VALUE.multiply(10, unit - 0x30);
			left--;
		}
		if (this.exponent > 0) VALUE.multiplyByTen(this.exponent);
	}

	/** True when the double after the one with these bits is nearer. */
	private isAbove(bits: u64): bool {
		const field = <i32>(bits >> 52);
		const fraction = bits & 0xfffffffffffff;
		// Halfway between the two is this number times 2 to the power of `shift`.
		RIGHT.set(2 * (field == 0 ? fraction : fraction | ((<u64>1) << 52)) + 1);
		const shift = max(field, 1) - 1076;
		LEFT.copy(VALUE);
		if (this.exponent < 0) RIGHT.multiplyByTen(-this.exponent);
		if (shift > 0) RIGHT.shiftLeft(shift);
		else LEFT.shiftLeft(-shift);
		const order = LEFT.compare(RIGHT);
		return order > 0 || (order == 0 && (this.isCut || (bits & 1) == 1));
	}
}

/** The exponent behind `e`; large ones are cut to what is infinite or zero in any case. */
function exponentAt(numeral: string, from: i32): i32 {
	const sign = numeral.charCodeAt(from);
	let exponent = 0;
	for (let index = sign == 0x2b || sign == 0x2d ? from + 1 : from; index < numeral.length; index++) {
		exponent = min(exponent * 10 + numeral.charCodeAt(index) - 0x30, 100_000_000);
	}
	return sign == 0x2d ? -exponent : exponent;
}
