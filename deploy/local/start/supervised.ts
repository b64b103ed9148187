// Keeps one service running: starts it again when it ends, later each time, and says why it ended.
//
//   starting ──ready──▶ running            the first start must get ready within its limit, or start() rejects
//      ▲  │                │
//      │  └────exit────────┴──▶ waiting    the delay doubles from 250 ms to 10 s; 30 s of running set it back
//      └──────delay over──────────┘
//   any ──stop()──▶ stopping ──exit──▶ stopped     SIGTERM, and SIGKILL after the grace time
import { createWriteStream, mkdirSync, statSync, truncateSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ForeignProcess, startForeignProcess } from "../foreign-process.js";
import { readLogLine } from "./log-line.js";

export interface ServiceSpec {
	readonly name: string;
	readonly command: string;
	readonly args: readonly string[];
	readonly env: NodeJS.ProcessEnv;
	readonly cwd: string;
	/** True when the service can be used. May throw; that counts as not yet. */
	readonly ready: () => Promise<boolean>;
	/** Milliseconds until it must be ready for the first time. */
	readonly readyTimeoutMs: number;
	/** Milliseconds between SIGTERM and SIGKILL. */
	readonly stopGraceMs: number;
}

export interface SupervisorOptions {
	/** Directory of the log files, one for each service. */
	readonly logDir: string;
	/** Gets what a person should see: warnings and errors of the service, and why it ended. */
	readonly note: (text: string) => void;
	/** Milliseconds before the first restart; default 250. */
	readonly firstDelayMs?: number;
}

const LONGEST_DELAY_MS = 10_000;
const GOOD_RUN_MS = 30_000;
/** Ends before it was ever ready after which the start is given up. */
const FIRST_START_ENDS = 3;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const KEPT_LINES = 15;
const REPEAT_MS = 30_000;
const KEPT_SENTENCES = 100;

export class SupervisedService {
	readonly #spec: ServiceSpec;
	readonly #options: SupervisorOptions;
	readonly #log: WriteStream;
	readonly #stopping = new AbortController();
	#process: ForeignProcess | undefined;
	#loop: Promise<void> | undefined;
	#wasReady = false;
	#endsBeforeReady = 0;
	#lastLines: string[] = [];
	/** Said lately: sentence → when. A service that repeats itself must not drown everything else. */
	readonly #said = new Map<string, number>();

	constructor(spec: ServiceSpec, options: SupervisorOptions) {
		this.#spec = spec;
		this.#options = options;
		this.#log = openLog(options.logDir, spec.name);
	}

	/** Process id; undefined while it is not running. */
	get pid(): number | undefined {
		return this.#process?.pid;
	}

	/**
	 * Starts the service and resolves when it is ready.
	 *
	 * @throws Error with its last lines when it does not get ready; it is stopped then
	 */
	async start(): Promise<void> {
		this.#loop ??= this.#run();
		const deadline = performance.now() + this.#spec.readyTimeoutMs;
		while (!(await this.#isReady())) {
			const gaveUp = this.#endsBeforeReady >= FIRST_START_ENDS;
			if (gaveUp || this.#stopping.signal.aborted || performance.now() > deadline) {
				const why = gaveUp ? `ended ${this.#endsBeforeReady} times` : `is not ready after ${this.#spec.readyTimeoutMs / 1000} s`;
				await this.stop();
				throw new Error(`${this.#spec.name} ${why}:\n${this.#lastLines.join("\n")}`);
			}
			await delay(50);
		}
		this.#wasReady = true;
	}

	/** Stops the service for good. Idempotent. */
	async stop(): Promise<void> {
		this.#stopping.abort();
		const running = this.#process;
		running?.signal("SIGTERM");
		const timer = setTimeout(() => {
			this.#options.note(`${this.#spec.name} did not stop within ${this.#spec.stopGraceMs / 1000} s: killed`);
			running?.signal("SIGKILL");
		}, this.#spec.stopGraceMs);
		await this.#loop;
		clearTimeout(timer);
		this.#log.end();
	}

	/** SIGKILL at once; for a person who does not want to wait. */
	kill(): void {
		this.#stopping.abort();
		this.#process?.signal("SIGKILL");
	}

	async #run(): Promise<void> {
		const firstDelayMs = this.#options.firstDelayMs ?? 250;
		let delayMs = firstDelayMs;
		while (!this.#stopping.signal.aborted) {
			const started = performance.now();
			const how = await this.#runOnce();
			if (this.#stopping.signal.aborted) return;
			if (!this.#wasReady) this.#endsBeforeReady++;
			if (performance.now() - started > GOOD_RUN_MS) delayMs = firstDelayMs;
			this.#options.note(`${this.#spec.name} ended (${how}); starting it again in ${delayMs / 1000} s`);
			await delay(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
			delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
		}
	}

	/** Resolves when the process has ended, with how. */
	async #runOnce(): Promise<string> {
		const { command, args, env, cwd } = this.#spec;
		try {
			this.#process = await startForeignProcess(command, args, { cwd, env, onLine: (line) => this.#takeLine(line) });
		} catch (thrown) {
			return (thrown as Error).message;
		}
		// stop() may have come while it was being started.
		if (this.#stopping.signal.aborted) this.#process.signal("SIGTERM");
		const { code, signal } = await this.#process.exited;
		this.#process = undefined;
		return signal === null ? `exit code ${code}` : `signal ${signal}`;
	}

	#takeLine(line: string): void {
		this.#log.write(`${line}\n`);
		const { text, important } = readLogLine(line);
		this.#lastLines = [...this.#lastLines, `  ${text}`].slice(-KEPT_LINES);
		if (important && !this.#stopping.signal.aborted) this.#say(`${this.#spec.name}: ${text}`);
	}

	/** Passes a sentence on, the same one at most once in a while. */
	#say(text: string): void {
		const last = this.#said.get(text);
		if (last !== undefined && performance.now() - last < REPEAT_MS) return;
		if (this.#said.size >= KEPT_SENTENCES) this.#said.clear();
		this.#said.set(text, performance.now());
		this.#options.note(text);
	}

	async #isReady(): Promise<boolean> {
		try {
			return this.#process !== undefined && (await this.#spec.ready());
		} catch {
			return false;
		}
	}
}

function openLog(dir: string, name: string): WriteStream {
	mkdirSync(dir, { recursive: true });
	const file = join(dir, `${name.replaceAll(" ", "-")}.log`);
	const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
	if (size > MAX_LOG_BYTES) truncateSync(file);
	return createWriteStream(file, { flags: "a" });
}
