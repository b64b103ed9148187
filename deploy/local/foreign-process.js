// The only file of deploy that starts foreign processes. Each is started without a shell, in a session of its own, so that
// a Ctrl-C in the terminal reaches only us and the order of stopping stays in our hands; on Linux the kernel ends it when
// we are killed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";

const MAX_OUTPUT = 1024 * 1024;
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

/**
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, live?: boolean, timeoutMs?: number }} CommandOptions
 *   live: the output goes straight to ours and is not kept. timeoutMs: SIGKILL after so many milliseconds; default: none.
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, output: string }} CommandResult
 *   output: standard output and standard error together, the last MiB
 */

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/**
 * Ends every command that {@link runCommand} still runs; for a signal that ends us.
 *
 * @param {NodeJS.Signals} signal
 */
export function signalCommands(signal) {
	for (const child of running) child.kill(signal);
}

/**
 * Runs a command to its end. Does not throw when it fails; a command that does not exist has code 127.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function runCommand(command, args, options = {}) {
	return new Promise((resolve) => {
		const [file, fileArgs] = guarded(command, args);
		const child = spawn(file, fileArgs, {
			stdio: ["ignore", options.live ? "inherit" : "pipe", options.live ? "inherit" : "pipe"],
			...(options.cwd === undefined ? {} : { cwd: options.cwd }),
			...(options.env === undefined ? {} : { env: options.env }),
		});
		running.add(child);
		let output = "";
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
				output = (output + text).slice(-MAX_OUTPUT);
			});
		}
		const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), options.timeoutMs);
		/** @param {CommandResult} result */
		const end = (result) => {
			clearTimeout(timer);
			running.delete(child);
			resolve(result);
		};
		child.once("error", (error) => end({ code: 127, signal: null, output: error.message }));
		child.once("close", (code, signal) => end({ code, signal, output }));
	});
}

/**
 * @typedef {object} ForeignProcess
 * @property {number} pid
 * @property {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} exited never rejects
 * @property {(signal: NodeJS.Signals) => void} signal does nothing when it has ended
 */

/**
 * Starts a process that goes on running.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env: NodeJS.ProcessEnv, onLine: (line: string) => void }} options
 * @returns {Promise<ForeignProcess>}
 * @throws Error when it cannot be started
 */
export async function startForeignProcess(command, args, options) {
	const [file, fileArgs] = guarded(command, args);
	const child = spawn(file, fileArgs, {
		stdio: ["ignore", "pipe", "pipe"],
		detached: true,
		env: options.env,
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
	});
	await new Promise((resolve, reject) => {
		child.once("spawn", () => resolve(undefined));
		child.once("error", (cause) => reject(new Error(`${command} cannot be started: ${cause.message}`, { cause })));
	});
	for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", options.onLine);
	let ended = false;
	const exited = new Promise((resolve) => {
		child.once("exit", () => {
			ended = true;
		});
		child.once("close", (code, signal) => resolve({ code, signal }));
	});
	return {
		pid: /** @type {number} */ (child.pid),
		exited,
		signal(signal) {
			if (!ended) child.kill(signal);
		},
	};
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {[string, string[]]}
 */
function guarded(command, args) {
	return SETPRIV === undefined ? [command, [...args]] : [SETPRIV, ["--pdeathsig", "TERM", "--", command, ...args]];
}
