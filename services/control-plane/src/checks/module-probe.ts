// Compiles and instantiates a module that a stranger sent, in a process that is thrown away. A process and not a thread: the
// compiler cannot be interrupted, so a thread that compiles a module made for it goes on for minutes after it was terminated,
// while a process is gone at once; and what brings the compiler down brings down nothing else.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ModuleFault, readSections } from "@hookbus/foundation";

/** Milliseconds that compiling and instantiating may take. */
const PROBE_MS = 5_000;
/** Milliseconds until the process has read the module; more than a moment only on a machine that is out of breath. */
const START_MS = 60_000;

/**
 * Functions are compiled with the module, as in a runtime: what takes a compiler long is in functions, and lazily none of them would be
 * compiled here. Memories have the same maximum as in a runtime.
 */
const FLAGS = ["--no-wasm-lazy-compilation", "--wasm-max-mem-pages=2048", "--max-old-space-size=128"];

/** What the process sends: that it begins, and then what it found; nothing `failed`: the module is good. */
export type ProbeMessage = "ready" | { readonly failed?: "compile" | "instantiate"; readonly message?: string };

/** How a probe ended. */
type Outcome =
	| { readonly how: "answered"; readonly answer: Exclude<ProbeMessage, "ready"> }
	| { readonly how: "late" }
	| { readonly how: "gone"; readonly exit: string };

/** One process and what is heard of it. */
interface Probing {
	readonly outcome: Promise<Outcome>;
	/** It has read the module and compiles it. */
	hasBegun(): boolean;
	giveUp(): void;
}

/**
 * What is wrong with the module; `undefined`: nothing. Resolves when the process is gone.
 *
 * @param bytes memory and tables are limited already
 * @param probeMs milliseconds for the probe itself; default 5000
 * @throws Error when no process can be made
 */
export async function probeModule(bytes: Uint8Array, probeMs = PROBE_MS): Promise<ModuleFault | undefined> {
	const child = fork(fileURLToPath(new URL("./probe-process.js", import.meta.url)), {
		execArgv: FLAGS,
		env: {},
		stdio: ["pipe", "ignore", "ignore", "ipc"],
	});
	const gone = new Promise<Outcome>((resolve, reject) => {
		child.once("exit", (code, signal) => resolve({ how: "gone", exit: signal ?? `code ${code}` }));
		child.once("error", (thrown) => reject(new Error(`no process for probing a module: ${thrown.message}`, { cause: thrown })));
	});
	// It may end before it has read everything; its exit says so.
	child.stdin?.on("error", () => undefined);
	child.stdin?.end(bytes);
	const probing = follow(child, probeMs);
	try {
		const outcome = await Promise.race([probing.outcome, gone]);
		if (probing.hasBegun()) return faultOf(outcome, bytes, probeMs);
		throw new Error(`the process for probing a module did not begin (${outcome.how === "gone" ? outcome.exit : outcome.how})`);
	} finally {
		probing.giveUp();
		child.kill("SIGKILL");
		await gone;
	}
}

function follow(child: ChildProcess, probeMs: number): Probing {
	let timer: NodeJS.Timeout | undefined;
	let isReady = false;
	const outcome = new Promise<Outcome>((resolve) => {
		const limit = (ms: number) => {
			clearTimeout(timer);
			timer = setTimeout(() => resolve({ how: "late" }), ms);
		};
		limit(START_MS);
		child.on("message", (message: ProbeMessage) => {
			if (message !== "ready") return resolve({ how: "answered", answer: message });
			isReady = true;
			limit(probeMs);
		});
	});
	return { outcome, hasBegun: () => isReady, giveUp: () => clearTimeout(timer) };
}

function faultOf(outcome: Outcome, bytes: Uint8Array, probeMs: number): ModuleFault | undefined {
	switch (outcome.how) {
		case "late":
			return new ModuleFault("too_slow", "module", `checking and compiling it was not done after ${probeMs} ms`);
		case "gone":
			return new ModuleFault("malformed", "module", `compiling it ended the process that tried it (${outcome.exit})`);
		case "answered": {
			const { failed, message } = outcome.answer;
			if (failed === undefined) return undefined;
			const rule = message ?? "the engine refuses it";
			return new ModuleFault("malformed", failed === "compile" ? sectionIn(rule, bytes) : sectionOf(rule), rule);
		}
	}
}

/** The engine says where a module does not compile by the byte: `… @+37`. */
function sectionIn(message: string, bytes: Uint8Array): string {
	const offset = Number(/@\+(\d+)/.exec(message)?.[1] ?? Number.NaN);
	const section = readSections(bytes).find(({ start, end }) => offset >= start && offset < end);
	return section === undefined ? "module" : `${section.name} section`;
}

/** What does not instantiate is only told by what it is. */
function sectionOf(message: string): string {
	if (/data segment/.test(message)) return "data section";
	if (/table|element/.test(message)) return "element section";
	return /import/i.test(message) ? "import section" : "module";
}
