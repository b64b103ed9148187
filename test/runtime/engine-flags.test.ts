// The flags that hold for every module of the process, whatever was rewritten in it.
import { setEngineFlags } from "@hookbus/runtime";
import { expect, test } from "vitest";
import { assemble } from "../support/module-returning.js";

setEngineFlags();

test("no memory of the process grows beyond 128 MiB, whatever maximum its module has", async () => {
	const bytes = await assemble(`(module (memory 1 65536)
		(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
	const { instance } = (await WebAssembly.instantiate(bytes)) as unknown as { instance: WebAssembly.Instance };
	const grow = instance.exports["grow"] as (pages: number) => number;
	expect(grow(2_047)).toBe(1);
	expect(grow(1)).toBe(-1);
});
