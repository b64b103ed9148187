// The probe of the install gate: modules that are made to take a compiler long are ended at once, whole functions are compiled,
// and what runs is a process that is gone afterwards.
import { probeModule } from "@hookbus/control-plane";
import { encodeModule, encodeU32, encodeVector, SECTION } from "@hookbus/foundation";
import { describe, expect, test } from "vitest";
import { assemble, moduleReturning } from "../support/module-returning.js";
import { waitFor } from "../support/wait-for.js";

const I32 = 0x7f;
const UNREACHABLE = 0x00;
const BLOCK = 0x02;
const END = 0x0b;
const BR_TABLE = 0x0e;
const I32_CONST = 0x41;

/** A module whose only type is () → i32, but for `types`, with these functions; the first one is the hook. */
function moduleOf(functions: readonly Buffer[], types: readonly number[][] = []): Uint8Array {
	const sized = functions.map((body) => Buffer.concat([Buffer.from(encodeU32(body.length)), body]));
	return encodeModule([
		[SECTION.type, encodeVector([[0x60, 0, 1, I32], ...types])],
		[SECTION.function, encodeVector(functions.map(() => [0]))],
		[SECTION.export, encodeVector([[15, ...Buffer.from("on_chat_message"), 0, 0]])],
		[SECTION.code, [...Buffer.concat([Buffer.from(encodeU32(functions.length)), ...sized])]],
	]);
}

/** Blocks of a thousand results each, and branches to all of them: every branch is compared with a thousand types. */
function branchBomb(): Uint8Array {
	const depth = 1_000;
	const results = [0x60, 0, ...encodeU32(1_000), ...Array<number>(1_000).fill(I32)];
	const targets = Array.from({ length: depth }, (_, index) => encodeU32(index)).flat();
	const branch = Buffer.from([BR_TABLE, ...encodeU32(depth - 1), ...targets]);
	const body = Buffer.concat([
		Buffer.from([0, ...Array.from({ length: depth }, () => [BLOCK, 1]).flat(), UNREACHABLE]),
		...Array.from({ length: 3_500 }, () => branch),
		Buffer.from([...Array<number>(depth).fill(END), UNREACHABLE, END]),
	]);
	return moduleOf([body], [results]);
}

/** Functions of 49,000 locals, all of them used: nothing to check, and long to compile. */
function localsBomb(): Uint8Array {
	const body = [1, ...encodeU32(49_000), 0x7e];
	for (let index = 0; index < 20_000; index += 1) {
		body.push(0x20, ...encodeU32(index * 2 + 1), 0x42, 5, 0x7c, 0x21, ...encodeU32(index * 2));
	}
	body.push(I32_CONST, 0, END);
	return moduleOf(Array.from({ length: 60 }, () => Buffer.from(body)));
}

/** Processes that this one has started and that are not gone. */
function children(): number {
	return process.getActiveResourcesInfo().filter((resource) => resource === "ProcessWrap").length;
}

/** Long before the bombs would have been compiled. */
async function expectGone(): Promise<void> {
	await waitFor("its process is gone", () => children() === 0, { timeoutMs: 2_000 });
}

describe("compile bombs", () => {
	const bombs: { title: string; bomb: () => Uint8Array }[] = [
		{ title: "that takes long to check", bomb: branchBomb },
		{ title: "that takes long to compile, and not to check", bomb: localsBomb },
	];
	test.each(bombs)("a module $title is refused when its time is over, and its process is gone", async ({ bomb }) => {
		const bytes = bomb();
		const fault = await probeModule(bytes, 200);
		expect(fault).toMatchObject({ code: "too_slow", section: "module" });
		expect(fault?.message).toBe("module: checking and compiling it was not done after 200 ms");
		await expectGone();
	});
});

test("a module that is fine passes, also when it imports all kinds of things", async () => {
	expect(await probeModule(await moduleReturning({ on_chat_message: { action: "continue" } }))).toBeUndefined();
	await expectGone();
});

test("a module that calls what it imports while it starts is refused", async () => {
	const text =
		'(module (import "extism:host/env" "input_length" (func $call (result i64))) (func $s (drop (call $call))) (start $s))';
	const fault = await probeModule(await assemble(text));
	expect(fault?.message).toContain("called the host while it was only being probed");
});

test("HP-02 a start function without an end is ended", async () => {
	expect(await probeModule(await assemble("(module (func $s (loop (br 0))) (start $s))"), 200)).toMatchObject({
		code: "too_slow",
	});
});
