// Operations on any number of arguments: min, max, sum, avg, median.
import { Run } from "../run";
import { Value } from "../value";
import { add, compare, divide, wholeValue } from "./arithmetic";

/** The smallest argument for `order` -1, the largest for 1. */
export function extreme(run: Run, values: Array<Value>, order: i32): Value {
	let best = values[0];
	for (let index = 1; index < values.length && !run.stopped; index++) {
		if (compare(run, values[index], best) == order) best = values[index];
	}
	return best;
}

export function sum(run: Run, values: Array<Value>): Value {
	let total = values[0];
	for (let index = 1; index < values.length && !run.stopped; index++) total = add(run, total, values[index]);
	return total;
}

export function average(run: Run, values: Array<Value>): Value {
	const total = sum(run, values);
	return run.stopped ? total : divide(run, total, wholeValue(values.length));
}

/** The middle argument in order of size, or the average of the two in the middle. */
export function median(run: Run, values: Array<Value>): Value {
	const sorted = values.slice(0);
	for (let index = 1; index < sorted.length; index++) {
		const value = sorted[index];
		let place = index;
		while (place > 0 && compare(run, sorted[place - 1], value) > 0) {
			sorted[place] = sorted[place - 1];
			place--;
		}
		sorted[place] = value;
		if (run.stopped) return value;
	}
	const half = sorted.length >> 1;
	if ((sorted.length & 1) == 1) return sorted[half];
	return average(run, [sorted[half - 1], sorted[half]]);
}
