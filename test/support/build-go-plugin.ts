// Builds the plugins of test/fixtures/go-plugin: standard Go with the official Extism PDK, which Go fetches by go.sum. A machine
// without Go cannot show that such plugins run; there the tests say so, and in CI, where nobody would read it, they fail.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestContext } from "vitest";
import { findExecutable, findExecutables } from "./find-executable.js";
import { makeTempDir, removeDir } from "./temp-dir.js";

const FIXTURE = resolve(import.meta.dirname, "../fixtures/go-plugin");

/** Whether plugins in Go can be built here. */
export function hasGo(): boolean {
	return findExecutables("go").length > 0;
}

/**
 * Skips the test when there is no Go compiler, which the report counts, and says so.
 *
 * @throws Error in CI
 */
export function needsGo(context: Pick<TestContext, "skip">): void {
	if (hasGo()) return;
	const message = "there is no Go compiler, so nothing shows here that plugins in Go run; install Go 1.24 or later";
	if (process.env["CI"]) throw new Error(message);
	// The report shows the reason of a skipped test only where somebody asks for it.
	console.warn(message);
	context.skip(message);
}

/**
 * Bytes of the module that a package of the fixture is built to.
 *
 * @param name "." or "./host-functions"
 * @throws Error with the compiler's own words
 */
export function buildGoPlugin(name: string): Uint8Array {
	const dir = makeTempDir("go");
	try {
		const output = join(dir, "plugin.wasm");
		execFileSync(findExecutable("go"), ["build", "-buildmode=c-shared", "-o", output, name], {
			cwd: FIXTURE,
			env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=readonly -buildvcs=false", GOTOOLCHAIN: "local" },
			stdio: "pipe",
		});
		return readFileSync(output);
	} finally {
		removeDir(dir);
	}
}
