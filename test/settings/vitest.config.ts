// How the tests run. A few processes take file after file: a process for each file costs more than most files take, and no
// file needs a fresh one, because nothing of ours keeps state outside of what it hands out. What a file leaves open fails that
// file (once-per-file.ts). Few at once, because every file starts servers of its own.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { TestOrder } from "./test-order.js";

const root = resolve(import.meta.dirname, "../..");

export default defineConfig({
	root,
	test: {
		projects: [
			// V8's flags that a runtime sets are for its whole process, and PGlite does not start where they are set.
			{ extends: true, test: { name: "runtime", include: ["test/runtime/**/*.test.ts"] } },
			{
				extends: true,
				test: {
					name: "other",
					include: ["test/**/*.test.ts", "plugins-wasm/*/test/**/*.test.ts"],
					exclude: ["test/runtime/**"],
				},
			},
		],
		pool: "forks",
		isolate: false,
		sequence: { sequencer: TestOrder },
		// Real servers on a machine that others use as well: one failure may be the machine's. The report says "retry x1".
		retry: 1,
		maxWorkers: Math.max(1, Math.min(4, availableParallelism())),
		globalSetup: [resolve(import.meta.dirname, "once-per-run.ts")],
		setupFiles: [resolve(import.meta.dirname, "end-with-vitest.ts"), resolve(import.meta.dirname, "once-per-file.ts")],
		testTimeout: 300_000,
		hookTimeout: 600_000,
		teardownTimeout: 60_000,
		// A test that was forgotten with .only or skipped must not look like a passed run.
		allowOnly: false,
		env: { NODE_ENV: "test" },
		// The packages are built already: Node loads them as users do, and nothing is transformed twice.
		server: { deps: { external: [/\/dist\/.*\.js$/] } },
	},
});
