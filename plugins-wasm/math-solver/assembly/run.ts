// What one call has spent, found out and given up. AssemblyScript cannot catch, so a step that fails notes it here and
// returns anything; whoever called it looks at `stopped` and returns too.
import { Constants } from "./approximation/constants";
import { Fault, TOO_COMPLEX } from "./fault";
import { MAX_PAGES, MAX_STEPS } from "./limits";

export class Run {
	readonly constants: Constants = new Constants();
	/** The first thing that went wrong. */
	fault: Fault | null = null;
	/** Bits after the point of all approximations in this pass. */
	bits: i32 = 0;
	/** True when a question needed more digits than this pass has. */
	postponed: bool = false;
	/** True when the last pass answered a question by what is most likely; the result is not exact then. */
	guessed: bool = false;
	/** Where in the expression the current step stands. */
	position: i32 = 0;
	private steps: i64 = 0;
	private lastPass: bool = false;

	/** Begins to compute the expression once more, with more digits. */
	beginPass(bits: i32, last: bool): void {
		this.bits = bits;
		this.lastPass = last;
		this.postponed = false;
	}

	get isLastPass(): bool {
		return this.lastPass;
	}

	/** True when it makes no sense to go on in this pass. */
	get stopped(): bool {
		return this.fault !== null || this.postponed;
	}

	/** Notes what is wrong at the current step. */
	fail(code: string, message: string): void {
		this.failAt(this.position, code, message);
	}

	failAt(position: i32, code: string, message: string): void {
		if (this.fault === null) this.fault = new Fault(code, message, position);
	}

	/**
	 * Asks for work before it is done.
	 *
	 * @param steps see MAX_STEPS
	 * @returns false when it must not be done; the fault is noted
	 */
	spend(steps: i64): bool {
		this.steps += steps;
		if (this.steps <= MAX_STEPS && memory.size() <= MAX_PAGES) return this.fault === null;
		this.fail(
			TOO_COMPLEX,
			"This takes more work than one call may do; use smaller numbers, fewer operations or a smaller precision.",
		);
		return false;
	}

	/**
	 * Called where the digits at hand do not tell which way to go: is this below zero, which whole number is next.
	 *
	 * @returns true when the question is put off to a pass with more digits; false in the last pass: take what is most likely
	 */
	postpone(): bool {
		if (this.lastPass) {
			this.guessed = true;
			return false;
		}
		this.postponed = true;
		return true;
	}
}
