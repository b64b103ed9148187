// One instance serves call after call: a million of them fail nowhere, see fresh state, and leave no memory behind. Extism's own
// instances end at call 16,384, or at 32,768 blocks.
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { startProcess } from "../support/start-process.js";

interface Seen {
	readonly calls: number;
	readonly wrong: number;
	readonly megabytes: readonly number[];
}

test("a million calls: none fails, none sees another, resident memory stays within 5 %", async () => {
	const program = resolve(import.meta.dirname, "programs/call-a-million-times.ts");
	const running = await startProcess(process.execPath, ["--expose-gc", "--import", "tsx", program]);
	closeAfter(() => running.kill9());
	const { code } = await running.exited;
	expect(code, running.output()).toBe(0);
	const { calls, wrong, megabytes } = JSON.parse(running.stdout()) as Seen;
	expect({ calls, wrong }).toEqual({ calls: 1_000_000, wrong: 0 });
	const [first = Number.NaN] = megabytes;
	expect(Math.max(...megabytes) / first, megabytes.join()).toBeLessThan(1.05);
});
