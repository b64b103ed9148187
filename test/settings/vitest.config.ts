// How the tests run. A few processes take file after file: a process for each file costs more than most files take, and no
// file needs a fresh one, because nothing of ours keeps state outside of what it hands out. What a file leaves open fails that
// file (once-per-file.ts). Few at once, because every file starts servers of its own.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { TestOrder } from "./test-order.js";

const root = resolve(import.meta.dirname, "../..");

const PROCESSORS = Math.max(1, Math.min(4, availableParallelism()));
const QUICK = ["foundation", "schemas", "contracts"];
const TIMED = ["live", "client"];

interface Group {
	readonly order: number;
	readonly workers: number;
	readonly include: string[];
	readonly exclude?: string[];
}

function group(name: string, { order, workers, include, exclude = [] }: Group) {
	return { extends: true as const, test: { name, include, exclude, maxWorkers: workers, sequence: { groupOrder: order } } };
}

function inFolders(names: readonly string[]): string[] {
	return names.map((name) => `test/${name}/**/*.test.ts`);
}

export default defineConfig({
	root,
	test: {
		// One group after the other; what is quick to fail first. Those that measure time get no more processes than there are processors;
		// the others wait for servers most of the time.
		projects: [
			group("first", { order: 0, workers: PROCESSORS, include: inFolders(QUICK) }),
			// V8's flags that a runtime sets are for its whole process, and PGlite does not start where they are set.
			group("runtime", { order: 1, workers: PROCESSORS, include: inFolders(["runtime"]) }),
			group("timed", { order: 2, workers: PROCESSORS, include: inFolders(TIMED) }),
			group("other", {
				order: 3,
				workers: PROCESSORS + 1,
				include: ["test/**/*.test.ts", "plugins-wasm/*/test/**/*.test.ts"],
				exclude: inFolders([...QUICK, "runtime", ...TIMED]),
			}),
		],
		pool: "forks",
		isolate: false,
		sequence: { sequencer: TestOrder },
		// Real servers on a machine that others use as well: one failure may be the machine's. The report says "retry x1".
		retry: 1,
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
