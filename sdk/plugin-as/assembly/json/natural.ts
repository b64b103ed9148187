// A whole number that may be larger than 64 bits, as far as reading decimals needs one. Its memory is taken once, because
// memory is not given back before the call ends.

/** 32 bits each. Reading a double takes at most 10^1130 times 2^1025. */
const MAX_LIMBS: i32 = 160;

export class Natural {
	private limbs: StaticArray<u32> = new StaticArray<u32>(MAX_LIMBS);
	/** Limbs in use; the last one is not zero. */
	private count: i32 = 0;

	set(value: u64): void {
		this.count = 0;
		for (let left = value; left > 0; left >>= 32) this.limbs[this.count++] = <u32>left;
	}

	copy(other: Natural): void {
		this.count = other.count;
		for (let limb = 0; limb < this.count; limb++) this.limbs[limb] = other.limbs[limb];
	}

	multiply(factor: u32, add: u32 = 0): void {
		let carry: u64 = add;
		for (let limb = 0; limb < this.count; limb++) {
			carry += <u64>this.limbs[limb] * factor;
			this.limbs[limb] = <u32>carry;
			carry >>= 32;
		}
		if (carry > 0) this.limbs[this.count++] = <u32>carry;
	}

	/** Multiplies by ten so many times. */
	multiplyByTen(times: i32): void {
		let left = times;
		for (; left >= 9; left -= 9) this.multiply(1_000_000_000);
		for (; left > 0; left--) this.multiply(10);
	}

	/** Multiplies by two so many times. */
	shiftLeft(bits: i32): void {
		if (this.count == 0) return;
		const limbs = bits >> 5;
		const rest = bits & 31;
		this.limbs[this.count] = 0;
		for (let limb = this.count; limb >= 0; limb--) {
			const below = limb > 0 ? <u64>this.limbs[limb - 1] : 0;
			this.limbs[limb + limbs] = <u32>(((((<u64>this.limbs[limb]) << 32) | below) << rest) >> 32);
		}
		for (let limb = 0; limb < limbs; limb++) this.limbs[limb] = 0;
		this.count += limbs;
		if (this.limbs[this.count] > 0) this.count++;
	}

	/** Below zero, zero, or above zero, as this number is smaller, equal, or larger. */
	compare(other: Natural): i32 {
		if (this.count != other.count) return this.count - other.count;
		for (let limb = this.count - 1; limb >= 0; limb--) {
			if (this.limbs[limb] != other.limbs[limb]) return this.limbs[limb] > other.limbs[limb] ? 1 : -1;
		}
		return 0;
	}
}
