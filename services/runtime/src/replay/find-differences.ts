// Where two values differ, as JSON Pointers: what a person looks at first when two versions of a plugin disagree.
import { isJsonObject } from "../chain/merge-patch.js";
import { escapeToken } from "../chain/pointer-list.js";
import { maskSecrets } from "../host-calls/log/mask-secrets.js";

/** Most pointers that are named. */
const MAX_POINTERS = 64;
/** Longest pointer; what lies deeper is named by what it lies in. */
const MAX_LENGTH = 256;
/** Deepest nesting that is compared; what lies deeper counts as different, because looking at it could take the process's stack. */
const MAX_DEPTH = 500;

/**
 * Pointers in the order of the names; none: the values are the same JSON. `undefined` and absent are the same.
 *
 * @param secrets forms of secrets; a plugin can give one away as a name
 */
export function findDifferences(a: unknown, b: unknown, secrets: readonly string[] = []): string[] {
	const found: string[] = [];
	collect(a, b, { pointer: "", isWhole: true, depth: 0 }, { found, secrets });
	return found;
}

interface Search {
	readonly found: string[];
	readonly secrets: readonly string[];
}

/** Where two values are. */
interface Place {
	readonly pointer: string;
	/** False: the pointer would be too long, and names what they lie in. */
	readonly isWhole: boolean;
	readonly depth: number;
}

function collect(a: unknown, b: unknown, place: Place, search: Search): void {
	const { found, secrets } = search;
	if (found.length >= MAX_POINTERS || a === b) return;
	const inside = place.depth < MAX_DEPTH ? namesIn(a, b) : undefined;
	if (inside === undefined) {
		if (!found.includes(place.pointer)) found.push(place.pointer);
		return;
	}
	for (const name of inside) {
		const [left, right] = [(a as Record<string | number, unknown>)[name], (b as Record<string | number, unknown>)[name]];
		collect(left, right, placeIn(place, maskSecrets(String(name), secrets)), search);
	}
}

function placeIn({ pointer, isWhole, depth }: Place, name: string): Place {
	const longer = `${pointer}/${escapeToken(name)}`;
	const fits = isWhole && longer.length <= MAX_LENGTH;
	return { pointer: fits ? longer : pointer, isWhole: fits, depth: depth + 1 };
}

/** Of two objects or two lists; `undefined`: they are no such two. */
function namesIn(a: unknown, b: unknown): (string | number)[] | undefined {
	if (isJsonObject(a) && isJsonObject(b)) return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
	if (Array.isArray(a) && Array.isArray(b)) return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index);
	return undefined;
}
