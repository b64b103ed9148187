// π and ln 2 for one call, computed once for the most digits that somebody asked for.
import { BigInteger } from "../number/big-integer";
import { computeLogOfTwo, computePi } from "./series";

export class Constants {
	private pi: BigInteger = BigInteger.ZERO;
	private piBits: i32 = 0;
	private logOfTwo: BigInteger = BigInteger.ZERO;
	private logOfTwoBits: i32 = 0;

	/** π in units of 2^-bits, less than 3 units off. */
	piAt(bits: i32): BigInteger {
		if (this.piBits < bits) {
			this.pi = computePi(bits);
			this.piBits = bits;
		}
		return this.pi.shiftedRight(this.piBits - bits);
	}

	/** The natural logarithm of 2 in units of 2^-bits, less than 3 units off. */
	logOfTwoAt(bits: i32): BigInteger {
		if (this.logOfTwoBits < bits) {
			this.logOfTwo = computeLogOfTwo(bits);
			this.logOfTwoBits = bits;
		}
		return this.logOfTwo.shiftedRight(this.logOfTwoBits - bits);
	}
}
