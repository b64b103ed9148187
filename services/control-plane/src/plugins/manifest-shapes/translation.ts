// One translation of a foreign manifest into ours: what came out of it, what its author should know, and where each part came
// from. Without the last, an error would name a place that the author never wrote.
import type { ManifestNote } from "@hookbus/schemas";
import { escapeToken } from "../../checks/json-schema-faults.js";
import type { Config } from "../../config/merge-config.js";

export class Translation {
	/** The manifest in our form, as far as it is made. */
	readonly manifest: Record<string, unknown> = {};
	readonly errors: ManifestNote[] = [];
	readonly warnings: ManifestNote[] = [];
	readonly #source: Config;
	readonly #taken = new Set<string>();
	readonly #origins = new Map<string, { readonly from: string; readonly isMade: boolean }>();

	/** @param source the foreign manifest; it is not changed */
	constructor(source: Config) {
		this.#source = source;
	}

	/** A field at the top of the foreign manifest; `undefined` when it is not there, or null. From now on it counts as read. */
	take(field: string): unknown {
		this.#taken.add(field);
		return (Object.hasOwn(this.#source, field) ? this.#source[field] : undefined) ?? undefined;
	}

	/** Sets a field of our manifest, and notes the place in the foreign one that it came from. */
	put(field: string, value: unknown, from: string): void {
		this.manifest[field] = value;
		this.cameFrom(`/${field}`, from);
	}

	/** Notes that the value at a pointer into our manifest came from a pointer into the foreign one. */
	cameFrom(pointer: string, from: string): void {
		this.#origins.set(pointer, { from, isMade: false });
	}

	/** The same for a value that was made of that place: what is inside of it has no place of its own there. */
	madeFrom(pointer: string, from: string): void {
		this.#origins.set(pointer, { from, isMade: true });
	}

	/** The place in the foreign manifest that a place in ours came from. */
	locate(pointer: string): string {
		for (let end = pointer.length; end > 0; end = pointer.lastIndexOf("/", end - 1)) {
			const origin = this.#origins.get(pointer.slice(0, end));
			if (origin !== undefined) return origin.isMade ? origin.from : `${origin.from}${pointer.slice(end)}`;
		}
		return pointer;
	}

	/** For the author: worth knowing, and no obstacle. */
	warn(path: string, message: string): void {
		this.warnings.push({ path, message });
	}

	/** For the author: something that cannot be carried over without changing what the plugin means. */
	refuse(path: string, message: string): void {
		this.errors.push({ path, message });
	}

	/** Warns of every field that nothing has read. */
	warnOfTheRest(): void {
		for (const field of Object.keys(this.#source)) {
			if (!this.#taken.has(field)) this.warn(`/${escapeToken(field)}`, "is not carried over: there is nothing like it here");
		}
	}
}
