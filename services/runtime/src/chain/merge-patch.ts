// JSON Merge Patch (RFC 7386) for patches that come from untrusted code: own properties only, names that could reach a
// prototype refused, depth bounded, numbers finite. It runs when the plugin's time limit is over, so it takes no longer than reading
// the patch does.
import { escapeToken, PointerList } from "./pointer-list.js";

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

export interface PatchScope {
	/** The part of the patch that lies on the allowed paths. */
	readonly allowed: JsonObject;
	/** JSON Pointers of the parts that do not; cut and counted where there are many. */
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
	if (paths.includes("")) return { allowed: patch, refused: [] };
	const refused = new PointerList();
	const names: string[] = [];
	/** @param below what is left of the declared paths that lead through `node` */
	const keep = (node: JsonObject, below: readonly (readonly string[])[], there: unknown): JsonObject | undefined => {
		const kept: JsonObject = {};
		let any = false;
		for (const key of Object.keys(node)) {
			const token = escapeToken(key);
			const inside = below.filter(([first]) => first === token).map((path) => path.slice(1));
			const value = node[key];
			const replaced = isJsonObject(there) && Object.hasOwn(there, key) ? there[key] : undefined;
			names.push(key);
			if (inside.some((rest) => rest.length === 0)) {
				kept[key] = value;
				any = true;
			} else if (isJsonObject(value) && Object.keys(value).length > 0 && (replaced === undefined || isJsonObject(replaced))) {
				const inner = keep(value, inside, replaced);
				if (inner !== undefined) {
					kept[key] = inner;
					any = true;
				}
			} else {
				refused.add(names);
			}
			names.pop();
		}
		return any ? kept : undefined;
	};
	const declared = paths.filter((path) => path.startsWith("/")).map((path) => path.slice(1).split("/"));
	return { allowed: keep(patch, declared, target) ?? {}, refused: refused.toArray() };
}

export interface PatchOutcome {
	readonly value: unknown;
	/** JSON Pointers of the values that differ now; cut and counted where there are many. */
	readonly paths: string[];
}

/** Applies a merge patch without changing the target, and reports what it changed. */
export function applyMergePatch(target: unknown, patch: JsonObject): PatchOutcome {
	const changed = new PointerList();
	const value = merge(target, patch, [], changed);
	return { value, paths: changed.toArray() };
}

/** @param names from the root to the target */
function merge(target: unknown, patch: JsonObject, names: string[], changed: PointerList): JsonObject {
	const merged: JsonObject = isJsonObject(target) ? { ...target } : {};
	if (!isJsonObject(target)) changed.add(names);
	for (const key of Object.keys(patch)) {
		const value = patch[key];
		names.push(key);
		if (value === null) {
			if (Object.hasOwn(merged, key)) {
				delete merged[key];
				changed.add(names);
			}
		} else if (isJsonObject(value)) {
			merged[key] = merge(Object.hasOwn(merged, key) ? merged[key] : undefined, value, names, changed);
		} else if (!Object.hasOwn(merged, key) || !sameJson(merged[key], value)) {
			merged[key] = value;
			changed.add(names);
		}
		names.pop();
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
