// Merge patches by the cases of RFC 7386, within the paths that a manifest declared, from code that nobody trusts.
import { isDeepStrictEqual } from "node:util";
import { applyMergePatch, jsonFault, scopePatch } from "@hookbus/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("a merge patch", () => {
	test.each([
		[{ a: "b" }, { a: "c" }, { a: "c" }],
		[{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
		[{ a: "b" }, { a: null }, {}],
		[{ a: "b", b: "c" }, { a: null }, { b: "c" }],
		[{ a: ["b"] }, { a: "c" }, { a: "c" }],
		[{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
		[{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
		[{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
		[{ e: null }, { a: 1 }, { e: null, a: 1 }],
		[[1, 2], { a: "b", c: null }, { a: "b" }],
		[{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
	])("of RFC 7386, appendix A: %j with %j gives %j", (target, patch, result) => {
		expect(applyMergePatch(target, patch).value).toEqual(result);
	});

	test("leaves its target alone, and names only what differs", () => {
		const target = { a: { b: [1, { c: 2 }], d: "x" }, e: 1 };
		const before = structuredClone(target);
		const { value, paths } = applyMergePatch(target, { a: { b: [1, { c: 2 }], d: "y" }, "f/g": 1, e: null });
		expect(target).toEqual(before);
		expect(value).toEqual({ a: { b: [1, { c: 2 }], d: "y" }, "f/g": 1 });
		expect(paths).toEqual(["/a/d", "/f~1g", "/e"]);
	});

	test("applied to any JSON twice gives the same as once", () => {
		const object = fc.dictionary(fc.string(), fc.jsonValue());
		fc.assert(
			fc.property(fc.jsonValue(), object, (target, patch) => {
				const once = applyMergePatch(target, patch as Record<string, unknown>).value;
				const twice = applyMergePatch(once, patch as Record<string, unknown>);
				return isDeepStrictEqual(twice.value, once);
			}),
			{ numRuns: 300 },
		);
	});

	test("keeps what lies on the declared paths and refuses the rest, parents included", () => {
		const patch = { messages: [1], response: { message: { role: "x" }, usage: 1 }, other: { deep: { er: 1 } } };
		expect(scopePatch(patch, ["/messages", "/response/message"], {})).toEqual({
			allowed: { messages: [1], response: { message: { role: "x" } } },
			refused: ["/response/usage", "/other/deep/er"],
		});
		expect(scopePatch({ response: null }, ["/response/message"], {})).toEqual({ allowed: {}, refused: ["/response"] });
		expect(scopePatch({ messagesX: 1 }, ["/messages"], {})).toEqual({ allowed: {}, refused: ["/messagesX"] });
		expect(scopePatch({ a: 1 }, [""], {}).refused).toEqual([]);
	});

	describe("of any JSON to any JSON", () => {
		// Names that collide, that have to be escaped in a pointer, and that every object has from birth.
		const name = fc.constantFrom("a", "b", "a/b", "~1", "~", "", "0", "length", "toString", "hasOwnProperty", "messages");
		const json = fc.letrec((tie) => ({
			node: fc.oneof(
				{ depthSize: "medium" },
				fc.constantFrom(null, 0, 1, "", "x", true),
				fc.array(tie("node"), { maxLength: 3 }),
				fc.dictionary(name, tie("node"), { maxKeys: 4 }),
			),
		})).node;
		const patch = fc.dictionary(name, json, { maxKeys: 4 });
		const runs = { numRuns: 3_000, seed: 7_386 };

		test("it is what RFC 7386 says, without a change of what it was given", () => {
			fc.assert(
				fc.property(json, patch, (target, changes) => {
					const before = structuredClone([target, changes]);
					expect(applyMergePatch(target, changes).value).toEqual(mergeByTheBook(target, changes));
					expect([target, changes]).toEqual(before);
				}),
				runs,
			);
		});

		test("it names what differs, all of it and nothing else", () => {
			fc.assert(
				fc.property(json, patch, (target, changes) => {
					const { value, paths } = applyMergePatch(target, changes);
					const differences = differencesOf(target, value);
					for (const pointer of paths)
						expect(differences.some((at) => isWithin(at, pointer) || isWithin(pointer, at))).toBe(true);
					for (const pointer of differences) expect(paths.some((at) => isWithin(pointer, at))).toBe(true);
				}),
				runs,
			);
		});

		test("what is left of it on declared paths changes nothing outside of them, whatever the target is like", () => {
			const pointer = fc
				.array(name, { minLength: 1, maxLength: 3 })
				.map((tokens) => tokens.map((token) => `/${escapeToken(token)}`).join(""));
			let changed = 0;
			fc.assert(
				fc.property(patch, patch, fc.array(pointer, { maxLength: 3 }), (target, changes, paths) => {
					const { allowed, refused } = scopePatch(changes, paths, target);
					const differences = differencesOf(target, applyMergePatch(target, allowed).value);
					// An object on the way to a declared path may be made where there was nothing.
					const isMade = (at: string) => paths.some((path) => path.startsWith(`${at}/`)) && valueAt(target, at) === undefined;
					for (const at of differences) expect(paths.some((path) => isWithin(at, path)) || isMade(at), at).toBe(true);
					for (const at of refused)
						expect(
							paths.some((path) => isWithin(at, path)),
							at,
						).toBe(false);
					changed += differences.length;
				}),
				runs,
			);
			expect(changed).toBeGreaterThan(200);
		});
	});

	test("does not replace a list or a text that stands on the way to a declared path", () => {
		const target = { call: { arguments: { list: [1, 2, 3], text: "x", none: null, inner: { kept: 1 } } } };
		const patch = { call: { arguments: { list: { a: 1 }, text: { a: 1 }, none: { a: 1 }, inner: { a: 1 }, fresh: { a: 1 } } } };
		const paths = Object.keys(patch.call.arguments).map((name) => `/call/arguments/${name}/a`);
		const { allowed, refused } = scopePatch(patch, paths, target);
		expect(refused).toEqual(["/call/arguments/list", "/call/arguments/text", "/call/arguments/none"]);
		expect(allowed).toEqual({ call: { arguments: { inner: { a: 1 }, fresh: { a: 1 } } } });
	});

	test("numbers that cannot be written again are faults, wherever they stand", () => {
		expect(jsonFault(JSON.parse('{"a":[0,1e308,-1e400]}'))).toBe("the number at /a/2 is larger than any that could be passed on");
		expect(jsonFault(JSON.parse("1e400"))).toBe("the number at the root is larger than any that could be passed on");
		expect(jsonFault(JSON.parse('{"a":[0,1e308,-1e-400]}'))).toBeUndefined();
	});

	test("HP-16 names that reach a prototype are faults at every depth", () => {
		for (const name of ["__proto__", "constructor", "prototype"]) {
			expect(jsonFault(JSON.parse(`{"${name}":1}`))).toContain(name);
			expect(jsonFault(JSON.parse(`{"a":[{"b":{"${name}":{}}}]}`))).toContain("/a/0/b");
		}
		expect(jsonFault({ a: [{ b: "constructor" }] })).toBeUndefined();
	});

	test("HP-16 a patch never changes a prototype, whatever its names are", () => {
		const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "a"];
		const before = [Object.prototype, Array.prototype, Function.prototype].map((prototype) =>
			Object.getOwnPropertyNames(prototype).join(),
		);
		const json = fc.letrec((tie) => ({
			node: fc.oneof({ depthSize: "small" }, fc.constant(1), fc.dictionary(fc.constantFrom(...names), tie("node"))),
		})).node;
		fc.assert(
			fc.property(json, json, (target, patch) => {
				if (typeof patch === "object" && patch !== null)
					applyMergePatch(JSON.parse(JSON.stringify(target)), JSON.parse(JSON.stringify(patch)));
				return ({} as Record<string, unknown>).a === undefined;
			}),
			{ numRuns: 300 },
		);
		expect(
			[Object.prototype, Array.prototype, Function.prototype].map((prototype) => Object.getOwnPropertyNames(prototype).join()),
		).toEqual(before);
	});
});

/** RFC 7386, section 2, as it stands there. */
function mergeByTheBook(target: unknown, patch: unknown): unknown {
	if (!isObject(patch)) return patch;
	const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
	for (const [key, value] of Object.entries(patch)) {
		if (value === null) delete merged[key];
		else merged[key] = mergeByTheBook(Object.hasOwn(merged, key) ? merged[key] : undefined, value);
	}
	return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON Pointers of the smallest parts that differ. Two objects are compared name by name, everything else as a whole. */
function differencesOf(before: unknown, after: unknown, at = ""): string[] {
	if (!isObject(before) || !isObject(after)) return isDeepStrictEqual(before, after) ? [] : [at];
	return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
		const own = (value: Record<string, unknown>) => (Object.hasOwn(value, key) ? value[key] : undefined);
		return differencesOf(own(before), own(after), `${at}/${escapeToken(key)}`);
	});
}

function isWithin(pointer: string, outer: string): boolean {
	return pointer === outer || pointer.startsWith(`${outer}/`);
}

function valueAt(value: unknown, pointer: string): unknown {
	const tokens = pointer.split("/").slice(1);
	return tokens.reduce<unknown>((inner, token) => {
		const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
		return isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
	}, value);
}

function escapeToken(token: string): string {
	return token.replaceAll("~", "~0").replaceAll("/", "~1");
}
