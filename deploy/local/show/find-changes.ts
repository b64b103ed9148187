// Finds every value that a verdict changed in an event's data.
import { commonLengths, lengthAt } from "./common-lengths.js";

export interface Change {
	/** JSON Pointer into the data. */
	readonly path: string;
	/** undefined: it was not there. */
	readonly before: unknown;
	/** undefined: it is not there any more. */
	readonly after: unknown;
}

/** Over this many elements on a side, lists are compared place by place; finding what moved takes the product of both. */
const MAX_ELEMENTS = 500;

/**
 * The smallest values that differ, in the order of the data. An element that was put into a list or taken out of it is one
 * change, although all behind it have moved. Paths are those of the new data; of what was taken out, those of the old.
 */
export function findChanges(before: unknown, after: unknown, path = ""): Change[] {
	if (Array.isArray(before) && Array.isArray(after)) return findInList(before, after, path);
	if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
		const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
		return [...keys].flatMap((key) =>
			findChanges(before[key], after[key], `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
		);
	}
	return Object.is(before, after) ? [] : [{ path, before, after }];
}

function findInList(before: readonly unknown[], after: readonly unknown[], path: string): Change[] {
	const changes: Change[] = [];
	let i = 0;
	let j = 0;
	for (const [nextI, nextJ] of [...commonElements(before, after), [before.length, after.length] as const]) {
		changes.push(...findBetween({ before: before.slice(i, nextI), at: i }, { after: after.slice(j, nextJ), at: j }, path));
		i = nextI + 1;
		j = nextJ + 1;
	}
	return changes;
}

/** Between two elements that stayed: each element of the shorter side has the counterpart that is most like it, in order. */
function findBetween(
	old: { readonly before: readonly unknown[]; readonly at: number },
	now: { readonly after: readonly unknown[]; readonly at: number },
	path: string,
): Change[] {
	const { before } = old;
	const { after } = now;
	const candidates = Array.from({ length: Math.abs(after.length - before.length) + 1 }, (_, shift) => {
		const [shiftBefore, shiftAfter] = after.length > before.length ? [0, shift] : [shift, 0];
		const taken = before.flatMap((element, i) =>
			i < shiftBefore || i - shiftBefore + shiftAfter >= after.length
				? [{ path: `${path}/${old.at + i}`, before: element, after: undefined }]
				: [],
		);
		const rest = after.flatMap((element, j) => {
			const i = j - shiftAfter + shiftBefore;
			const at = `${path}/${now.at + j}`;
			return i < 0 || i >= before.length
				? [{ path: at, before: undefined, after: element }]
				: findChanges(before[i], element, at);
		});
		return [...taken, ...rest];
	});
	return candidates.reduce((best, candidate) => (candidate.length < best.length ? candidate : best));
}

/** Places of the elements that stayed, by the longest common sequence. */
function commonElements(before: readonly unknown[], after: readonly unknown[]): (readonly [number, number])[] {
	if (before.length === after.length || before.length > MAX_ELEMENTS || after.length > MAX_ELEMENTS) return [];
	const a = before.map((element) => JSON.stringify(element));
	const b = after.map((element) => JSON.stringify(element));
	const common = commonLengths(a, b);
	const places: (readonly [number, number])[] = [];
	for (let i = 0, j = 0; i < a.length && j < b.length; ) {
		if (a[i] === b[j]) places.push([i++, j++]);
		else if (lengthAt(common, i + 1, j) >= lengthAt(common, i, j + 1)) i++;
		else j++;
	}
	return places;
}

function isContainer(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null;
}
