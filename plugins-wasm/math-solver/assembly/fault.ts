// What is wrong with a call, in a form that the model can act on: a stable code, a sentence, and where it is. The errors of
// a tool are read by a model that will try again, so each message says what would be right.

export const SYNTAX_ERROR = "syntax_error";
export const DIVISION_BY_ZERO = "division_by_zero";
export const DOMAIN_ERROR = "domain_error";
export const TOO_LARGE = "too_large";
export const TOO_COMPLEX = "too_complex";
export const UNKNOWN_NAME = "unknown_name";
export const WRONG_ARGUMENTS = "wrong_arguments";

/** Units of the expression before and after the position that the caret line shows. */
const CARET_CONTEXT: i32 = 40;

export class Fault {
	readonly code: string;
	readonly message: string;
	/** UTF-16 unit of the expression, from 0; -1 when the fault is not in the expression. */
	readonly position: i32;

	constructor(code: string, message: string, position: i32) {
		this.code = code;
		this.message = message;
		this.position = position;
	}
}

/**
 * The expression, and under it a caret at the position: "1 + * 2\n    ^". Of a long expression it shows the surroundings,
 * with … where something is left out.
 */
export function caretLines(expression: string, position: i32): string {
	const from = max(0, position - CARET_CONTEXT);
	const to = min(expression.length, position + CARET_CONTEXT);
	const before = from > 0 ? "…" : "";
	const after = to < expression.length ? "…" : "";
	// A line break or tab inside of the expression would move the caret away from what it points at.
	const shown = expression.substring(from, to).replaceAll("\n", " ").replaceAll("\r", " ").replaceAll("\t", " ");
	return `${before}${shown}${after}\n${" ".repeat(before.length + position - from)}^`;
}
