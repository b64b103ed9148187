// The smallest pieces of an expression.

export const TOKEN_END: i32 = 0;
export const TOKEN_NUMBER: i32 = 1;
export const TOKEN_NAME: i32 = 2;
/** An operator, a parenthesis or a comma: one unit, in ASCII. */
export const TOKEN_SIGN: i32 = 3;
/** Something that belongs to no expression; the fault is noted. */
export const TOKEN_BAD: i32 = 4;

export class Token {
	readonly kind: i32;
	/** UTF-16 unit where it begins. */
	readonly start: i32;
	/** UTF-16 unit after it. */
	readonly end: i32;
	/** Of a sign: its ASCII code, whatever way it was written. */
	readonly sign: i32;

	constructor(kind: i32, start: i32, end: i32, sign: i32 = 0) {
		this.kind = kind;
		this.start = start;
		this.end = end;
		this.sign = sign;
	}
}
