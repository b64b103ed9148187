// Every operator, function and constant by its name. A function is added here, in the README's table, and nowhere else.

import { arcCosine, arcSine, arcTangent, cosine, degrees, pi, radians, sine, tangent } from "./angles";
import { absolute, add, divide, multiply, negate, signOf, subtract, wholeValue } from "./arithmetic";
import { exponentialOf, logarithmTo, naturalLogarithm } from "./logarithms";
import { ANY_NUMBER, Operation } from "./operation";
import { power } from "./power";
import { cubeRootOf, squareRootOf } from "./roots";
import { CEIL, FLOOR, modulo, roundToPlaces, roundToWhole, TRUNC } from "./rounding";
import { average, extreme, median, sum } from "./statistics";
import { choose, commonDivisor, commonMultiple, factorial } from "./whole-numbers";

export const ADD: Operation = new Operation("+", 2, 2, (run, values) => add(run, values[0], values[1]));
export const SUBTRACT: Operation = new Operation("-", 2, 2, (run, values) => subtract(run, values[0], values[1]));
export const MULTIPLY: Operation = new Operation("*", 2, 2, (run, values) => multiply(run, values[0], values[1]));
export const DIVIDE: Operation = new Operation("/", 2, 2, (run, values) => divide(run, values[0], values[1]));
export const MODULO: Operation = new Operation("%", 2, 2, (run, values) => modulo(run, values[0], values[1]));
export const POWER: Operation = new Operation("^", 2, 2, (run, values) => power(run, values[0], values[1]));
export const NEGATE: Operation = new Operation("-", 1, 1, (_run, values) => negate(values[0]));
export const FACTORIAL: Operation = new Operation("!", 1, 1, factorial);

const FUNCTIONS: StaticArray<Operation> = [
	new Operation("abs", 1, 1, (_run, values) => absolute(values[0])),
	new Operation("sign", 1, 1, (run, values) => wholeValue(signOf(run, values[0]))),
	new Operation("round", 1, 2, (run, values) => roundToPlaces(run, values[0], values.length > 1 ? values[1] : wholeValue(0))),
	new Operation("floor", 1, 1, (run, values) => roundToWhole(run, values[0], FLOOR)),
	new Operation("ceil", 1, 1, (run, values) => roundToWhole(run, values[0], CEIL)),
	new Operation("trunc", 1, 1, (run, values) => roundToWhole(run, values[0], TRUNC)),
	new Operation("min", 1, ANY_NUMBER, (run, values) => extreme(run, values, -1)),
	new Operation("max", 1, ANY_NUMBER, (run, values) => extreme(run, values, 1)),
	new Operation("sum", 1, ANY_NUMBER, sum),
	new Operation("avg", 1, ANY_NUMBER, average),
	new Operation("median", 1, ANY_NUMBER, median),
	new Operation("gcd", 1, ANY_NUMBER, commonDivisor),
	new Operation("lcm", 1, ANY_NUMBER, commonMultiple),
	new Operation("mod", 2, 2, (run, values) => modulo(run, values[0], values[1])),
	new Operation("pow", 2, 2, (run, values) => power(run, values[0], values[1])),
	new Operation("choose", 2, 2, choose),
	new Operation("sqrt", 1, 1, (run, values) => squareRootOf(run, values[0])),
	new Operation("cbrt", 1, 1, (run, values) => cubeRootOf(run, values[0])),
	new Operation("exp", 1, 1, (run, values) => exponentialOf(run, values[0])),
	new Operation("ln", 1, 1, (run, values) => naturalLogarithm(run, values[0])),
	new Operation("log", 1, 2, (run, values) => logarithmTo(run, values[0], values.length > 1 ? values[1] : wholeValue(10))),
	new Operation("log10", 1, 1, (run, values) => logarithmTo(run, values[0], wholeValue(10))),
	new Operation("log2", 1, 1, (run, values) => logarithmTo(run, values[0], wholeValue(2))),
	new Operation("sin", 1, 1, (run, values) => sine(run, values[0])),
	new Operation("cos", 1, 1, (run, values) => cosine(run, values[0])),
	new Operation("tan", 1, 1, (run, values) => tangent(run, values[0])),
	new Operation("asin", 1, 1, (run, values) => arcSine(run, values[0])),
	new Operation("acos", 1, 1, (run, values) => arcCosine(run, values[0])),
	new Operation("atan", 1, 1, (run, values) => arcTangent(run, values[0])),
	new Operation("deg", 1, 1, (run, values) => degrees(run, values[0])),
	new Operation("rad", 1, 1, (run, values) => radians(run, values[0])),
];

const CONSTANTS: StaticArray<Operation> = [
	new Operation("pi", 0, 0, (run, _values) => pi(run)),
	new Operation("e", 0, 0, (run, _values) => exponentialOf(run, wholeValue(1))),
	new Operation("tau", 0, 0, (run, _values) => multiply(run, pi(run), wholeValue(2))),
];

/** The function or constant of a name in lower case; null when there is none. */
export function operationNamed(name: string): Operation | null {
	const found = named(FUNCTIONS, name);
	return found !== null ? found : named(CONSTANTS, name);
}

function named(list: StaticArray<Operation>, name: string): Operation | null {
	for (let index = 0; index < list.length; index++) {
		if (list[index].name == name) return list[index];
	}
	return null;
}

/** All names, for a message. */
export function allNames(): string {
	return `Functions: ${namesOf(FUNCTIONS)}. Constants: ${namesOf(CONSTANTS)}.`;
}

function namesOf(list: StaticArray<Operation>): string {
	let names = list[0].name;
	for (let index = 1; index < list.length; index++) names += `, ${list[index].name}`;
	return names;
}
