// JSON Pointers of what a patch changed, or must not change, as the trail names them. A patch comes from untrusted code: were all of
// it named, a few hundred kilobytes of names would become megabytes in the thread, in the verdict and in the record.

/** Most pointers that are named; the others are only counted. */
const MAX_POINTERS = 64;
/** Characters at which a pointer is cut. */
const MAX_POINTER_CHARS = 256;

export class PointerList {
	readonly #named: string[] = [];
	#unnamed = 0;

	/** @param names from the root to the value, not escaped; nothing is made of them when the list is full */
	add(names: readonly string[]): void {
		if (this.#named.length < MAX_POINTERS) this.#named.push(pointerOf(names));
		else this.#unnamed += 1;
	}

	/** The pointers; when there were more than are named, a last entry says how many. */
	toArray(): string[] {
		return this.#unnamed === 0 ? this.#named : [...this.#named, `and ${this.#unnamed} more`];
	}
}

function pointerOf(names: readonly string[]): string {
	let pointer = "";
	for (const name of names) {
		pointer += `/${escapeToken(name.slice(0, MAX_POINTER_CHARS))}`;
		if (pointer.length > MAX_POINTER_CHARS) return `${pointer.slice(0, MAX_POINTER_CHARS - 1)}…`;
	}
	return pointer;
}

/** Escapes one reference token of a JSON Pointer (RFC 6901). */
export function escapeToken(token: string): string {
	return token.replaceAll("~", "~0").replaceAll("/", "~1");
}
