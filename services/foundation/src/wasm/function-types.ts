// Types of functions as values: written down for the lists of what a plugin may import, compared, and shown in messages.
import type { FunctionType } from "./inspect-module.js";
import type { ValueType } from "./value-types.js";

export function fn(params: ValueType[], results: ValueType[] = []): FunctionType {
	return { params, results };
}

export function sameType(a: FunctionType, b: FunctionType): boolean {
	return a.params.join() === b.params.join() && a.results.join() === b.results.join();
}

/** `(i64, i32) → i32`, for messages. */
export function describeType(type: FunctionType): string {
	return `(${type.params.join(", ")}) → ${type.results.join(", ") || "nothing"}`;
}
