// The only file of the tests that starts foreign processes. A process that outlives its test keeps a port, a lock or a
// core from the next one, so each is ended three times over: by its closer, when the worker exits, and on Linux by the
// kernel when the worker is killed.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const MAX_OUTPUT = 256 * 1024;
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

export interface ProcessOptions {
	/** Said in messages; default: the command. */
	readonly name?: string;
	readonly cwd?: string;
	/** Whole environment of the process; default: that of the tests. */
	readonly env?: NodeJS.ProcessEnv;
	/** Start as this user; only root can. */
	readonly uid?: number;
	readonly gid?: number;
}

export interface ProcessExit {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess {
	readonly name: string;
	readonly pid: number;
	/** Resolves when the process has ended and its output is closed. Never rejects. */
	readonly exited: Promise<ProcessExit>;
	/** True until the process has ended. */
	readonly alive: boolean;
	/** Standard output and standard error together, the last 256 KiB. */
	output(): string;
	/** Standard output alone, the last 256 KiB. */
	stdout(): string;
	/** Sends a signal; does nothing when the process has ended. */
	signal(signal: NodeJS.Signals): void;
	/** SIGSTOP; returns when no thread of the process runs any more (on Linux). */
	pause(): void;
	/** SIGCONT. */
	resume(): void;
	/** SIGTERM, and SIGKILL after `graceMs` (default 5000). Also ends a stopped process. Resolves when it is gone. */
	stop(graceMs?: number): Promise<ProcessExit>;
	/** SIGKILL. Resolves when it is gone. */
	kill9(): Promise<ProcessExit>;
}

const running = new Set<StartedProcess>();
process.once("exit", () => {
	for (const child of running) child.signal("SIGKILL");
});

/** Processes that this worker started and that have not ended. */
export function runningProcesses(): readonly StartedProcess[] {
	return [...running];
}

/**
 * Starts a process without a shell and collects its output.
 *
 * @throws Error when the command does not exist or may not be run
 */
export async function startProcess(
	command: string,
	args: readonly string[],
	options: ProcessOptions = {},
): Promise<StartedProcess> {
	// The kernel ends the process when this one is killed and cannot do it itself.
	const guarded = SETPRIV !== undefined && options.uid === undefined;
	const child = spawn(guarded ? SETPRIV : command, guarded ? ["--pdeathsig", "KILL", "--", command, ...args] : [...args], {
		stdio: ["ignore", "pipe", "pipe"],
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		...(options.env === undefined ? {} : { env: options.env }),
		...(options.uid === undefined ? {} : { uid: options.uid }),
		...(options.gid === undefined ? {} : { gid: options.gid }),
	});
	await new Promise<void>((resolve, reject) => {
		child.once("spawn", resolve);
		child.once("error", (cause) => reject(new Error(`${command} cannot be started: ${cause.message}`, { cause })));
	});
	const started = track(options.name ?? command, child);
	running.add(started);
	void started.exited.then(() => running.delete(started));
	return started;
}

function track(name: string, child: ChildProcess): StartedProcess {
	let all = "";
	let out = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		out = (out + text).slice(-MAX_OUTPUT);
		all = (all + text).slice(-MAX_OUTPUT);
	});
	child.stderr?.setEncoding("utf8").on("data", (text: string) => {
		all = (all + text).slice(-MAX_OUTPUT);
	});
	let alive = true;
	const exited = new Promise<ProcessExit>((resolve) => {
		child.once("exit", () => {
			alive = false;
		});
		child.once("close", (code, signal) => resolve({ code, signal }));
	});
	const signal = (name: NodeJS.Signals): void => {
		if (alive) child.kill(name);
	};
	return {
		name,
		pid: child.pid as number,
		exited,
		get alive() {
			return alive;
		},
		output: () => all,
		stdout: () => out,
		signal,
		pause() {
			signal("SIGSTOP");
			const deadline = performance.now() + 1_000;
			while (alive && isRunning(child.pid as number) && performance.now() < deadline);
		},
		resume: () => signal("SIGCONT"),
		async stop(graceMs = 5_000) {
			signal("SIGCONT");
			signal("SIGTERM");
			const grace = new AbortController();
			const late = delay(graceMs, undefined, { signal: grace.signal }).then(
				() => signal("SIGKILL"),
				() => undefined,
			);
			const exit = await exited;
			grace.abort();
			await late;
			return exit;
		},
		async kill9() {
			signal("SIGKILL");
			return await exited;
		},
	};
}

/** True while a thread of the process is in any other state than stopped or ended; false where there is no /proc. */
function isRunning(pid: number): boolean {
	try {
		return readdirSync(`/proc/${pid}/task`).some((task) => {
			const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8");
			return !["T", "Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2)[0] as string);
		});
	} catch {
		return false;
	}
}
