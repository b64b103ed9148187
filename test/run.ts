// Everything that must hold before a change is accepted, in the order in which it is cheapest to fail. `npm test` runs it on
// a machine where nothing is installed, and so does CI.
//
//   npm test                      all steps, all tests
//   npm test -- test/client       all steps, the tests below these paths
//   npm test -- --minutes=60      as above, but 60 minutes after the start no further test is begun. What was not run is
//                                 counted and said; it is no failure. For machines that give a run a limited time.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import {
	BUILD_HOST_MEMORY,
	BUILD_PACKAGES,
	BUILD_PLUGINS,
	BUNDLE_THREAD,
	childEnvironment,
	type NodeCommand,
	runNode,
} from "../deploy/local/build.js";
import { runCommand, signalCommands } from "../deploy/local/foreign-process.js";
import { createProgress, formatDuration } from "../deploy/local/progress.js";
import { REPOSITORY } from "../deploy/local/repository.js";
import { table, terminalFor } from "../deploy/local/show/terminal.js";
import { ensureNatsServer } from "../deploy/local/tools/nats-server.js";
import { ensurePostgres } from "../deploy/local/tools/postgres.js";

interface Step {
	readonly title: string;
	run(): Promise<unknown>;
}

interface Outcome {
	readonly title: string;
	readonly result: "passed" | "failed" | "not run";
	readonly ms: number;
}

const progress = createProgress(process.stderr);
const terminal = terminalFor(process.stdout);
const tsc = (title: string, project: string): NodeCommand => ({
	title,
	args: ["node_modules/typescript/bin/tsc", "-p", project],
});

const STEPS: readonly Step[] = [
	{ title: "nats-server", run: () => ensureNatsServer(progress) },
	{ title: "PostgreSQL", run: () => ensurePostgres(progress) },
	node(BUILD_PACKAGES),
	node(BUNDLE_THREAD),
	node(BUILD_HOST_MEMORY),
	node({
		title: "format and lint (biome ci)",
		args: ["node_modules/@biomejs/biome/bin/biome", "ci", `--colors=${process.stderr.isTTY ? "force" : "off"}`],
	}),
	node({ title: "generated files are fresh", args: ["--import", "tsx", "schemas/generate/main.ts", "--check"] }),
	node(tsc("types of test", "test")),
	node(tsc("types of deploy", "deploy")),
	node(tsc("types of the generator", "schemas/generate")),
	node(BUILD_PLUGINS),
	{ title: "tests (vitest)", run: () => runTests() },
];

function node(command: NodeCommand): Step {
	return { title: command.title, run: () => runNode(command) };
}

const { values: options, positionals: paths } = parseArgs({
	options: { minutes: { type: "string" } },
	allowPositionals: true,
});
const minutes = options.minutes === undefined ? undefined : Number(options.minutes);
if (minutes !== undefined && !(minutes > 0)) throw new Error(`--minutes=${options.minutes}: a number above 0 is needed`);

let counts: string | undefined;

/** Shows the output while it comes: this is the long step. */
async function runTests(): Promise<void> {
	const dir = mkdtempSync(join(tmpdir(), "hookbus-run-"));
	try {
		const report = join(dir, "report.json");
		const { code, signal } = await runCommand(
			process.execPath,
			["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...paths],
			{ cwd: REPOSITORY, env: { ...childEnvironment(process.stdout), ...timeLimit() }, live: true },
		);
		counts = readCounts(report);
		if (code !== 0) throw new Error(`vitest ended with ${code ?? signal}`);
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
}

/** Counted from the start of this process: installing and building are part of the time. */
function timeLimit(): NodeJS.ProcessEnv {
	if (minutes === undefined) return {};
	return { HOOKBUS_TEST_UNTIL: String(Math.round(performance.timeOrigin + minutes * 60_000)) };
}

interface Report {
	readonly numPassedTests: number;
	readonly numFailedTests: number;
	readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

/** The lines that CI reads; undefined when no test ran. */
function readCounts(report: string): string | undefined {
	try {
		const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
		const summary = `${numPassedTests} passed, ${numFailedTests} failed`;
		const rows = testResults.flatMap(({ name, assertionResults }) => {
			const left = assertionResults.filter(({ status }) => status !== "passed" && status !== "failed").length;
			if (left === 0 && assertionResults.length > 0) return [];
			return [[relative(REPOSITORY, name), assertionResults.length === 0 ? "not begun" : `${left} tests not run`]];
		});
		if (rows.length === 0) return summary;
		const why =
			"Not run, because the time was up, the machine stood still too often for what they measure, or Go is not installed:";
		return `${terminal.yellow(why)}\n${table(rows.sort()).join("\n")}\n\n${summary}`;
	} catch {
		// Vitest ended before it wrote the report; its own output says why.
		return undefined;
	}
}

async function runStep(step: Step): Promise<Outcome> {
	const started = performance.now();
	const ms = () => performance.now() - started;
	try {
		await progress.step(step.title, step.run);
		return { title: step.title, result: "passed", ms: ms() };
	} catch (thrown) {
		console.error(thrown instanceof Error ? thrown.message : thrown);
		return { title: step.title, result: "failed", ms: ms() };
	}
}

function show(outcomes: readonly Outcome[]): void {
	const paint = { passed: terminal.green, failed: terminal.red, "not run": terminal.dim };
	const rows = outcomes.map(({ title, result, ms }) => [
		title,
		paint[result](result),
		result === "not run" ? "" : formatDuration(ms),
	]);
	console.log(`\n${table(rows).join("\n")}`);
	if (counts !== undefined) console.log(`\n${counts}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
	process.once(signal, () => {
		signalCommands("SIGTERM");
		process.exit(signal === "SIGINT" ? 130 : 143);
	});
}

// What passed until now was spent on Node and the npm packages.
const outcomes: Outcome[] = [{ title: "npm packages", result: "passed", ms: performance.now() }];
for (const step of STEPS) {
	const failed = outcomes.some(({ result }) => result === "failed");
	outcomes.push(failed ? { title: step.title, result: "not run", ms: 0 } : await runStep(step));
}
show(outcomes);
process.exitCode = outcomes.some(({ result }) => result === "failed") ? 1 : 0;
