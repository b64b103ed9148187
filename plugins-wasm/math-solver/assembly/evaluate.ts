// Runs a tree: children first, each operation under the eyes of the run. Exact results are kept from pass to pass, so that
// only what is approximate is computed again.
import { Node } from "./language/node";
import { nothing } from "./operations/arithmetic";
import { Operation } from "./operations/operation";
import { Run } from "./run";
import { Value } from "./value";

/** Steps that every operation costs, so that many small ones count too. */
const OVERHEAD: i64 = 100;

/** The value of a tree; anything when the run has stopped. */
export function evaluate(run: Run, node: Node): Value {
	const known = node.known;
	if (known !== null) return known;
	const children = node.children;
	const values = new Array<Value>(children.length);
	for (let index = 0; index < children.length; index++) {
		values[index] = evaluate(run, children[index]);
		if (run.stopped) return nothing();
	}
	run.position = node.position;
	if (!run.spend(OVERHEAD)) return nothing();
	const operation = node.operation as Operation;
	const value = operation.compute(run, values);
	if (run.stopped) return nothing();
	if (value.isExact) node.known = value;
	return value;
}
