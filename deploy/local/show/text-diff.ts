// Finds what changed in a text, word by word, so that a person sees the three words that a plugin replaced and not two
// long paragraphs.
import { commonLengths, lengthAt } from "./common-lengths.js";

export interface DiffPart {
	readonly kind: "same" | "removed" | "added";
	readonly text: string;
}

/** Over this many words on a side the text counts as changed as a whole; the comparison takes the product of both. */
const MAX_WORDS = 1_000;

/** The parts in order; neighbours of one kind are joined. */
export function diffText(before: string, after: string): DiffPart[] {
	const a = words(before);
	const b = words(after);
	if (a.length > MAX_WORDS || b.length > MAX_WORDS) return joined([part("removed", before), part("added", after)]);
	const common = commonLengths(a, b);
	const parts: DiffPart[] = [];
	let i = 0;
	let j = 0;
	while (i < a.length || j < b.length) {
		if (i < a.length && j < b.length && a[i] === b[j]) {
			parts.push(part("same", a[i]));
			i++;
			j++;
		} else if (j >= b.length || (i < a.length && lengthAt(common, i + 1, j) >= lengthAt(common, i, j + 1))) {
			parts.push(part("removed", a[i]));
			i++;
		} else {
			parts.push(part("added", b[j]));
			j++;
		}
	}
	return joined(parts);
}

/** Words, the space between them, and punctuation at a word's end, each by itself. */
function words(text: string): string[] {
	return text.match(/\s+|[.,;:!?)]+(?=\s|$)|[^\s]+?(?=[.,;:!?)]+(?:\s|$)|\s|$)/g) ?? [];
}

function part(kind: DiffPart["kind"], text = ""): DiffPart {
	return { kind, text };
}

/** Joins neighbours; what was removed comes before what was put in its place, and a space between two changes joins them. */
function joined(parts: readonly DiffPart[]): DiffPart[] {
	const result: DiffPart[] = [];
	let removed = "";
	let added = "";
	const flush = (): void => {
		if (removed !== "") result.push(part("removed", removed));
		if (added !== "") result.push(part("added", added));
		removed = "";
		added = "";
	};
	parts.forEach(({ kind, text }, index) => {
		if (kind === "removed") removed += text;
		else if (kind === "added") added += text;
		else if (removed !== "" && added !== "" && text.trim() === "" && isReplaced(parts, index + 1)) {
			removed += text;
			added += text;
		} else {
			flush();
			const last = result.at(-1);
			if (last?.kind === "same") result[result.length - 1] = part("same", last.text + text);
			else result.push(part("same", text));
		}
	});
	flush();
	return result;
}

/** True when the changes from here on both remove and add something. */
function isReplaced(parts: readonly DiffPart[], from: number): boolean {
	const next = parts.slice(from, from + 2).map(({ kind }) => kind);
	return next.includes("removed") && next.includes("added");
}
