// Cuts an expression into tokens, one at a time. Signs that models and people write for the same thing (× · ÷ − **) come out
// as one.
import { isAlphanumeric, isAsciiLetter, isDigit, isSpace } from "@hookbus/plugin-as";
import { SYNTAX_ERROR } from "../fault";
import { Run } from "../run";
import { TOKEN_BAD, TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_SIGN, Token } from "./token";

const SIGNS = "+-*/%^!(),";

export class Tokenizer {
	private readonly text: string;
	private readonly run: Run;
	private at: i32 = 0;

	constructor(text: string, run: Run) {
		this.text = text;
		this.run = run;
	}

	next(): Token {
		while (isSpace(this.unit(0))) this.at++;
		const start = this.at;
		const unit = this.unit(0);
		if (unit < 0) return new Token(TOKEN_END, start, start);
		if (isDigit(unit) || (unit == 0x2e && isDigit(this.unit(1)))) return this.number(start);
		if (isAsciiLetter(unit)) {
			while (isAlphanumeric(this.unit(0)) || this.unit(0) == 0x5f) this.at++;
			return new Token(TOKEN_NAME, start, this.at);
		}
		// π
		if (unit == 0x3c0) {
			this.at++;
			return new Token(TOKEN_NAME, start, this.at);
		}
		const sign = this.signAt(unit);
		if (sign == 0) return this.bad(start, `"${this.character()}" means nothing in an expression.`);
		return new Token(TOKEN_SIGN, start, this.at, sign);
	}

	private unit(offset: i32): i32 {
		return this.text.charCodeAt(this.at + offset);
	}

	/** The ASCII code of the sign here, which is passed; 0 when there is none. */
	private signAt(unit: i32): i32 {
		let sign = unit;
		if (unit == 0xd7 || unit == 0xb7 || unit == 0x22c5) sign = 0x2a;
		else if (unit == 0xf7) sign = 0x2f;
		else if (unit == 0x2212) sign = 0x2d;
		else if (!SIGNS.includes(String.fromCharCode(unit))) return 0;
		if (unit == 0x2a && this.unit(1) == 0x2a) {
			sign = 0x5e;
			this.at++;
		}
		this.at++;
		return sign;
	}

	/** The whole character here, both halves of a surrogate pair. */
	private character(): string {
		const pair = this.unit(0) >= 0xd800 && this.unit(0) <= 0xdbff;
		return this.text.substring(this.at, this.at + (pair ? 2 : 1));
	}

	private bad(position: i32, message: string): Token {
		this.run.failAt(position, SYNTAX_ERROR, message);
		return new Token(TOKEN_BAD, position, position);
	}

	/** Digits with a point, an exponent, and underscores between digits. */
	private number(start: i32): Token {
		if (!this.digits()) return this.misplaced();
		if (this.unit(0) == 0x2e) {
			this.at++;
			if (!isDigit(this.unit(0)))
				return this.bad(this.at - 1, "A number ends with a point; write digits after it, or leave it out.");
			if (!this.digits()) return this.misplaced();
		}
		if ((this.unit(0) | 0x20) == 0x65) {
			const sign = this.unit(1) == 0x2b || this.unit(1) == 0x2d ? 1 : 0;
			if (!isDigit(this.unit(1 + sign)))
				return this.bad(this.at, "An exponent needs digits, as in 1e-9; to multiply by e write * e.");
			this.at += 1 + sign;
			if (!this.digits()) return this.misplaced();
		}
		return new Token(TOKEN_NUMBER, start, this.at);
	}

	/** Passes digits, maybe none; false at an underscore that is not between two. */
	private digits(): bool {
		while (isDigit(this.unit(0)) || this.unit(0) == 0x5f) {
			if (this.unit(0) == 0x5f && !(isDigit(this.unit(-1)) && isDigit(this.unit(1)))) return false;
			this.at++;
		}
		return true;
	}

	private misplaced(): Token {
		return this.bad(this.at, "An underscore stands between two digits only, as in 1_000.");
	}
}
