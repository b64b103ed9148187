// An operator, function or constant as the parser finds it and the evaluation runs it.
import { Run } from "../run";
import { Value } from "../value";

export type Compute = (run: Run, values: Array<Value>) => Value;

/** For {@link Operation.most}: any number of arguments. */
export const ANY_NUMBER: i32 = i32.MAX_VALUE;

export class Operation {
	readonly name: string;
	/** Fewest arguments. */
	readonly fewest: i32;
	/** Most arguments; 0 for a constant. */
	readonly most: i32;
	/** Returns the result, or anything after it noted a fault in the run. */
	readonly compute: Compute;

	constructor(name: string, fewest: i32, most: i32, compute: Compute) {
		this.name = name;
		this.fewest = fewest;
		this.most = most;
		this.compute = compute;
	}

	/** How many arguments it takes, in words. */
	get arity(): string {
		if (this.most == ANY_NUMBER) return `at least ${this.fewest} argument${this.fewest == 1 ? "" : "s"}`;
		if (this.fewest != this.most) return `${this.fewest} to ${this.most} arguments`;
		return `${this.most} argument${this.most == 1 ? "" : "s"}`;
	}
}
