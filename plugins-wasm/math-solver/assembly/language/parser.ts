// Expression to tree, by recursive descent. From loose to tight: + and -; * / %; signs; ^ (from right to left, 2^-1 is
// allowed, -2^2 is -4); !. What could be meant in two ways is refused with both ways to write it: a wrong sum that looks
// right is worse than an error.

import { SYNTAX_ERROR, TOO_COMPLEX, UNKNOWN_NAME, WRONG_ARGUMENTS } from "../fault";
import { MAX_DEPTH } from "../limits";
import {
	ADD,
	allNames,
	DIVIDE,
	FACTORIAL,
	MODULO,
	MULTIPLY,
	NEGATE,
	operationNamed,
	POWER,
	SUBTRACT,
} from "../operations/catalogue";
import { Operation } from "../operations/operation";
import { Run } from "../run";
import { literalValue } from "./literal";
import { Node } from "./node";
import { TOKEN_BAD, TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_SIGN, Token } from "./token";
import { Tokenizer } from "./tokenizer";

const PLUS: i32 = 0x2b;
const MINUS: i32 = 0x2d;
const STAR: i32 = 0x2a;
const SLASH: i32 = 0x2f;
const PERCENT: i32 = 0x25;
const CARET: i32 = 0x5e;
const BANG: i32 = 0x21;
const OPEN: i32 = 0x28;
const CLOSE: i32 = 0x29;
const COMMA: i32 = 0x2c;

const PERCENT_HINT = "% is the remainder of a division; for a percentage write / 100, as in 200 * 15 / 100.";

/** The tree of an expression; after a fault, which is noted in the run, anything. */
export function parse(run: Run, text: string): Node {
	return new Parser(run, text).whole();
}

class Parser {
	private readonly run: Run;
	private readonly text: string;
	private readonly tokenizer: Tokenizer;
	private current: Token;
	private depth: i32 = 0;

	constructor(run: Run, text: string) {
		const tokenizer = new Tokenizer(text, run);
		this.run = run;
		this.text = text;
		this.tokenizer = tokenizer;
		this.current = tokenizer.next();
	}

	whole(): Node {
		if (this.current.kind == TOKEN_END) return this.refuse(0, "The expression is empty.");
		const node = this.sum();
		if (this.run.stopped || this.current.kind == TOKEN_END) return node;
		return this.refuse(this.current.start, this.leftOver());
	}

	// ---- levels, from loose to tight -----------------------------------------------------------------------------------

	private sum(): Node {
		let node = this.product();
		while (!this.run.stopped && (this.is(PLUS) || this.is(MINUS))) {
			const sign = this.take();
			node = new Node(sign.sign == PLUS ? ADD : SUBTRACT, [node, this.product()], sign.start);
		}
		return node;
	}

	private product(): Node {
		let node = this.signed();
		while (!this.run.stopped && (this.is(STAR) || this.is(SLASH) || this.is(PERCENT))) {
			const sign = this.take();
			if (sign.sign == PERCENT && !this.beginsOperand()) return this.refuse(sign.start, PERCENT_HINT);
			const operation = sign.sign == STAR ? MULTIPLY : sign.sign == SLASH ? DIVIDE : MODULO;
			node = new Node(operation, [node, this.signed()], sign.start);
		}
		return node;
	}

	private signed(): Node {
		if (!this.is(PLUS) && !this.is(MINUS)) return this.power();
		const sign = this.take();
		if (!this.enter(sign.start)) return this.dummy();
		const node = this.signed();
		this.depth--;
		return sign.sign == PLUS ? node : new Node(NEGATE, [node], sign.start);
	}

	private power(): Node {
		const base = this.postfix();
		if (this.run.stopped || !this.is(CARET)) return base;
		const sign = this.take();
		if (!this.enter(sign.start)) return this.dummy();
		const exponent = this.signed();
		this.depth--;
		return new Node(POWER, [base, exponent], sign.start);
	}

	private postfix(): Node {
		let node = this.primary();
		while (!this.run.stopped && this.is(BANG)) node = new Node(FACTORIAL, [node], this.take().start);
		return node;
	}

	private primary(): Node {
		const token = this.current;
		if (token.kind == TOKEN_NUMBER) return this.literal();
		if (token.kind == TOKEN_NAME) return this.named();
		if (token.kind == TOKEN_BAD) return this.dummy();
		if (token.kind == TOKEN_END) return this.refuse(token.start, "The expression ends where a number should be.");
		if (!this.is(OPEN)) return this.refuse(token.start, `"${this.textOf(token)}" stands where a number should be.`);
		this.take();
		if (!this.enter(token.start)) return this.dummy();
		const node = this.sum();
		this.depth--;
		if (this.run.stopped) return node;
		return this.closed(token) ? node : this.dummy();
	}

	// ---- numbers and names ---------------------------------------------------------------------------------------------

	private literal(): Node {
		const token = this.current;
		const value = literalValue(this.run, this.textOf(token), token.start);
		if (value === null) return this.dummy();
		this.take();
		return new Node(null, [], token.start, value);
	}

	private named(): Node {
		const token = this.current;
		const written = this.textOf(token);
		const operation = operationNamed(written == "π" ? "pi" : written.toLowerCase());
		if (operation === null) {
			this.run.failAt(token.start, UNKNOWN_NAME, `There is nothing named "${written}". ${allNames()}`);
			return this.dummy();
		}
		this.take();
		if (operation.most == 0) return new Node(operation, [], token.start);
		if (!this.is(OPEN)) {
			return this.refuse(token.start, `${operation.name} takes its arguments in parentheses, as in ${operation.name}(2).`);
		}
		return this.call(operation, token);
	}

	private call(operation: Operation, name: Token): Node {
		const open = this.take();
		if (!this.enter(open.start)) return this.dummy();
		const children: Array<Node> = [];
		if (!this.is(CLOSE)) {
			children.push(this.sum());
			while (!this.run.stopped && this.is(COMMA)) {
				this.take();
				children.push(this.sum());
			}
		}
		this.depth--;
		if (this.run.stopped || !this.closed(open)) return this.dummy();
		if (children.length < operation.fewest || children.length > operation.most) {
			const what = `${operation.name} takes ${operation.arity}, not ${children.length}.`;
			this.run.failAt(name.start, WRONG_ARGUMENTS, what);
		}
		return new Node(operation, children, name.start);
	}

	// ---- tokens --------------------------------------------------------------------------------------------------------

	private is(sign: i32): bool {
		return this.current.kind == TOKEN_SIGN && this.current.sign == sign;
	}

	private take(): Token {
		const token = this.current;
		this.current = this.tokenizer.next();
		return token;
	}

	private textOf(token: Token): string {
		return this.text.substring(token.start, token.end);
	}

	/** A number, a name or a parenthesis; a sign is none, because 50% - 3 could be meant in two ways. */
	private beginsOperand(): bool {
		const kind = this.current.kind;
		return kind == TOKEN_NUMBER || kind == TOKEN_NAME || kind == TOKEN_BAD || this.is(OPEN);
	}

	/** Passes the parenthesis that closes `open`. */
	private closed(open: Token): bool {
		if (this.is(CLOSE)) {
			this.take();
			return true;
		}
		if (this.current.kind == TOKEN_END) this.refuse(open.start, "This parenthesis is not closed.");
		else this.refuse(this.current.start, this.leftOver());
		return false;
	}

	/** What is wrong with a token that stands after a whole operand. */
	private leftOver(): string {
		if (this.is(CLOSE)) return "This parenthesis closes nothing.";
		if (this.is(COMMA)) return "A comma separates the arguments of a function; write 1000 or 1_000, and 1.5 with a point.";
		return `An operator is missing before "${this.textOf(this.current)}"; a product needs its sign, as in 2 * pi.`;
	}

	private enter(position: i32): bool {
		this.depth++;
		if (this.depth <= MAX_DEPTH) return true;
		this.run.failAt(position, TOO_COMPLEX, `The expression nests deeper than ${MAX_DEPTH} levels.`);
		return false;
	}

	private refuse(position: i32, message: string): Node {
		this.run.failAt(position, SYNTAX_ERROR, message);
		return this.dummy();
	}

	/** What is returned after a fault. */
	private dummy(): Node {
		return new Node(null, [], 0);
	}
}
