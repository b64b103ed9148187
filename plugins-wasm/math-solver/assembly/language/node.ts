// One step of an expression: a number, or an operation on other steps.
import { Operation } from "../operations/operation";
import { Value } from "../value";

export class Node {
	/** Null for a number. */
	readonly operation: Operation | null;
	readonly children: Array<Node>;
	/** UTF-16 unit of the expression where the number, operator or name begins. */
	readonly position: i32;
	/** The result as soon as it is known exactly; it stays the same in every pass. */
	known: Value | null;

	constructor(operation: Operation | null, children: Array<Node>, position: i32, known: Value | null = null) {
		this.operation = operation;
		this.children = children;
		this.position = position;
		this.known = known;
	}
}
