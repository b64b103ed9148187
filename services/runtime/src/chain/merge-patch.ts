// JSON Merge Patch (RFC 7386) for patches that come from untrusted code: own properties only, names that could reach a
// prototype refused, depth bounded, numbers finite.

/** Deepest nesting of a patch or a result that is accepted. */
export const MAX_DEPTH = 64;

const DANGEROUS = new Set(["__proto__", "constructor", "prototype"]);

export type JsonObject = { [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is not accepted in a value, as a reason with a JSON Pointer; `undefined` when the value is fine. */
export function jsonFault(value: unknown): string | undefined {
	const fault = findFault(value, 0);
	if (fault === undefined) return undefined;
	const pointer = fault.path.reverse().map((token) => `/${escapeToken(String(token))}`);
	const at = pointer.length === 0 ? "the root" : pointer.join("");
	switch (fault.kind) {
		case "depth":
			return `nesting deeper than ${MAX_DEPTH} levels at ${at.slice(0, 80)}`;
		case "number":
			return `the number at ${at} is larger than any that could be passed on`;
		case "name":
			return `property "${fault.key}" at ${at} is not accepted`;
	}
}

interface Fault {
	/** A number such as 1e400 is infinite once it was read, and would be null once it is written again. */
	readonly kind: "name" | "depth" | "number";
	readonly key?: string;
	/** From the fault up to the root: it is built on the way back, because hardly any value has a fault. */
	readonly path: (string | number)[];
}

function findFault(value: unknown, depth: number): Fault | undefined {
	if (typeof value === "number") return Number.isFinite(value) ? undefined : { kind: "number", path: [] };
	if (typeof value !== "object" || value === null) return undefined;
	if (depth >= MAX_DEPTH) return { kind: "depth", path: [] };
	if (Array.isArray(value)) {
		for (let index = 0; index < value.length; index += 1) {
			const fault = findFault(value[index], depth + 1);
			if (fault === undefined) continue;
			fault.path.push(index);
			return fault;
		}
		return undefined;
	}
	for (const key of Object.keys(value)) {
		if (DANGEROUS.has(key)) return { kind: "name", key, path: [] };
		const fault = findFault((value as JsonObject)[key], depth + 1);
		if (fault === undefined) continue;
		fault.path.push(key);
		return fault;
	}
	return undefined;
}

/** Escapes one reference token of a JSON Pointer (RFC 6901). */
export function escapeToken(token: string): string {
	return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

export interface PatchScope {
	/** The part of the patch that lies on the allowed paths. */
	readonly allowed: JsonObject;
	/** JSON Pointers of the parts that do not. */
	readonly refused: string[];
}

/**
 * Splits a patch by the paths that a manifest declared. A leaf (anything but a non-empty object) is allowed when it is a
 * declared path or lies below one.
 *
 * @param target what the patch is for. Where a list or a text stands on the way to a declared path, the patch would replace it as a
 * whole, with all that lies beside the path: that is refused
 */
export function scopePatch(patch: JsonObject, paths: readonly string[], target: unknown): PatchScope {
	const refused: string[] = [];
	const keep = (node: JsonObject, pointer: string, there: unknown): JsonObject | undefined => {
		const kept: JsonObject = {};
		let any = false;
		for (const key of Object.keys(node)) {
			const at = `${pointer}/${escapeToken(key)}`;
			const value = node[key];
			const replaced = isJsonObject(there) && Object.hasOwn(there, key) ? there[key] : undefined;
			if (paths.some((path) => at === path || at.startsWith(`${path}/`))) {
				kept[key] = value;
				any = true;
			} else if (isJsonObject(value) && Object.keys(value).length > 0 && (replaced === undefined || isJsonObject(replaced))) {
				const inner = keep(value, at, replaced);
				if (inner !== undefined) {
					kept[key] = inner;
					any = true;
				}
			} else {
				refused.push(at);
			}
		}
		return any ? kept : undefined;
	};
	return { allowed: keep(patch, "", target) ?? {}, refused };
}

export interface PatchOutcome {
	readonly value: unknown;
	/** JSON Pointers of the values that differ now. */
	readonly paths: string[];
}

/** Applies a merge patch without changing the target, and reports what it changed. */
export function applyMergePatch(target: unknown, patch: JsonObject): PatchOutcome {
	const paths: string[] = [];
	const value = merge(target, patch, "", paths);
	return { value, paths };
}

function merge(target: unknown, patch: JsonObject, pointer: string, paths: string[]): JsonObject {
	const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
	if (!isJsonObject(target)) paths.push(pointer);
	for (const key of Object.keys(patch)) {
		const at = `${pointer}/${escapeToken(key)}`;
		const value = patch[key];
		if (value === null) {
			if (Object.hasOwn(merged, key)) {
				delete merged[key];
				paths.push(at);
			}
		} else if (isJsonObject(value)) {
			merged[key] = merge(Object.hasOwn(merged, key) ? merged[key] : undefined, value, at, paths);
		} else if (!Object.hasOwn(merged, key) || !sameJson(merged[key], value)) {
			merged[key] = value;
			paths.push(at);
		}
	}
	return merged;
}

function sameJson(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a) !== Array.isArray(b)) return false;
	const keys = Object.keys(a);
	if (keys.length !== Object.keys(b).length) return false;
	return keys.every((key) => Object.hasOwn(b, key) && sameJson((a as JsonObject)[key], (b as JsonObject)[key]));
}
