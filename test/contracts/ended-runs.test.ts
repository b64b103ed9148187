// A run of the tests that is ended from outside leaves nothing running, however it is ended.
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { startProcess } from "../support/start-process.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const SETUP = join(REPOSITORY, "test/settings/end-with-vitest.ts");

/** A test that says where it runs, starts a process, and takes a minute. */
const SLOW = `
	import { renameSync, writeFileSync } from "node:fs";
	import { test } from "vitest";
	import { startProcess } from ${JSON.stringify(join(REPOSITORY, "test/support/start-process.ts"))};
	test("slow", async () => {
		const child = await startProcess("sleep", ["60"]);
		writeFileSync("pids.new", JSON.stringify([process.pid, child.pid]));
		renameSync("pids.new", "pids");
		await new Promise((resolve) => setTimeout(resolve, 60_000));
	}, 90_000);`;

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
	"%s to Vitest ends the process of its tests, and what that started",
	async (signal) => {
		const dir = tempDir("ended-run");
		symlinkSync(join(REPOSITORY, "node_modules"), join(dir, "node_modules"));
		writeFileSync(join(dir, "slow.test.ts"), SLOW);
		const settings = { root: dir, test: { pool: "forks", setupFiles: [SETUP] } };
		writeFileSync(join(dir, "vitest.config.mjs"), `export default ${JSON.stringify(settings)};`);
		const main = await startProcess(process.execPath, ["node_modules/vitest/vitest.mjs", "run"], { cwd: dir });
		const file = join(dir, "pids");
		await waitFor("the slow test runs", () => existsSync(file) || (!main.alive && main.output()));
		const pids = JSON.parse(readFileSync(file, "utf8")) as number[];
		expect(pids.map(isRunning)).toEqual([true, true]);
		main.signal(signal);
		await main.exited;
		await waitFor("both are gone", () => !pids.some(isRunning), { timeoutMs: 15_000 });
	},
);

function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		// There is none of this number.
		return false;
	}
}
