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
		expect(scopePatch(patch, ["/messages", "/response/message"])).toEqual({
			allowed: { messages: [1], response: { message: { role: "x" } } },
			refused: ["/response/usage", "/other/deep/er"],
		});
		expect(scopePatch({ response: null }, ["/response/message"])).toEqual({ allowed: {}, refused: ["/response"] });
		expect(scopePatch({ messagesX: 1 }, ["/messages"])).toEqual({ allowed: {}, refused: ["/messagesX"] });
		expect(scopePatch({ a: 1 }, [""]).refused).toEqual([]);
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
