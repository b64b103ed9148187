// A real PostgreSQL server. Most tests want a fresh database only, see create-database.ts; a test that stops, kills or
// freezes the server starts one of its own here.
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { closeAfter } from "./close-after.js";
import { findExecutables } from "./find-executable.js";
import { freePort } from "./free-port.js";
import { type StartedProcess, startProcess } from "./start-process.js";
import { makeTempDir, removeDir } from "./temp-dir.js";
import { waitFor } from "./wait-for.js";

const OLDEST_MAJOR = 13;

export interface StartedPostgres {
	/** URL of the maintenance database `postgres`. */
	readonly url: string;
	readonly port: number;
	/** Process id of the server that runs now; another one after `restart()`. */
	readonly pid: number;
	/** Makes an empty database and returns its URL. */
	createDatabase(): Promise<string>;
	/** What the server has written since its last start. */
	output(): string;
	/** Ends sessions and stops (PostgreSQL's "fast" shutdown). */
	stop(): Promise<void>;
	/** SIGKILL to the server; its sessions end by themselves. */
	kill9(): Promise<void>;
	/** Starts the server again on the same port and data; stops it first when it runs. */
	restart(): Promise<void>;
	/** SIGSTOP to the server and its sessions: connections stay open and nothing is answered. */
	pause(): void;
	/** SIGCONT. */
	resume(): void;
}

/** What a server with TLS shows, PEM. It takes connections without TLS as well. */
export interface PostgresTls {
	readonly certificate: string;
	readonly key: string;
}

/** Starts a server and resolves when it takes connections. It is stopped and its data removed after the test. */
export async function startPostgres(tls?: PostgresTls): Promise<StartedPostgres> {
	const { server, close } = await startPostgresUnclosed(tls);
	closeAfter(close);
	return server;
}

/** As {@link startPostgres}, but the caller closes it; for code that does not run inside a test file. */
export async function startPostgresUnclosed(tls?: PostgresTls): Promise<{ server: StartedPostgres; close: () => Promise<void> }> {
	const bin = await binDir();
	const user = unprivilegedUser();
	const dir = makeTempDir("postgres");
	if (user !== undefined) chownSync(dir, user.uid, user.gid);
	const data = join(dir, "data");
	const settings = tls === undefined ? [] : writeTls(dir, tls, user);
	const port = await freePort();
	let running: StartedProcess | undefined;
	const close = async (): Promise<void> => {
		running?.resume();
		running?.signal("SIGQUIT");
		await running?.stop();
		removeDir(dir);
	};
	try {
		await run(
			join(bin, "initdb"),
			["-D", data, "-U", "hookbus", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
			dir,
			user,
		);
		running = await launch(bin, data, dir, port, user, settings);
	} catch (thrown) {
		await close();
		throw thrown;
	}
	const url = urlOf(port, "postgres");
	let databases = 0;
	const server: StartedPostgres = {
		url,
		port,
		get pid() {
			return (running as StartedProcess).pid;
		},
		async createDatabase() {
			databases += 1;
			const name = `test_${databases}`;
			const sql = postgres(url, { max: 1, onnotice: () => undefined });
			try {
				await sql.unsafe(`CREATE DATABASE ${name} TEMPLATE template0`);
			} finally {
				await sql.end();
			}
			return urlOf(port, name);
		},
		output: () => running?.output() ?? "",
		async stop() {
			// SIGINT is the fast shutdown; SIGTERM would wait for every client to leave.
			running?.signal("SIGINT");
			await running?.exited;
		},
		async kill9() {
			await running?.kill9();
		},
		async restart() {
			await server.stop();
			running = await launch(bin, data, dir, port, user, settings);
		},
		pause() {
			running?.pause();
			signalSessions(running, "SIGSTOP");
		},
		resume() {
			signalSessions(running, "SIGCONT");
			running?.resume();
		},
	};
	return { server, close };
}

function urlOf(port: number, database: string): string {
	return `postgres://hookbus@127.0.0.1:${port}/${database}`;
}

interface User {
	readonly uid: number;
	readonly gid: number;
}

/** PostgreSQL refuses to run as root; then it runs as `postgres`, else as `nobody`. */
function unprivilegedUser(): User | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const users = readFileSync("/etc/passwd", "utf8")
		.split("\n")
		.map((line) => line.split(":"));
	for (const wanted of ["postgres", "nobody"]) {
		const found = users.find(([name]) => name === wanted);
		if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
	}
	throw new Error("PostgreSQL does not run as root, and this system has neither a user postgres nor nobody to run it");
}

async function binDir(): Promise<string> {
	const seen: string[] = [];
	for (const initdb of findExecutables("initdb")) {
		const text = await run(initdb, ["--version"], "/", undefined);
		const major = Number(/(\d+)/.exec(text)?.[1]);
		if (major >= OLDEST_MAJOR) return join(initdb, "..");
		seen.push(text.trim());
	}
	const found = seen.length === 0 ? "none was found" : `found: ${seen.join(", ")}`;
	throw new Error(`the tests need PostgreSQL ${OLDEST_MAJOR} or newer (${found}); npm test installs it`);
}

async function run(command: string, args: string[], cwd: string, user: User | undefined): Promise<string> {
	const started = await startProcess(command, args, { cwd, ...user });
	const { code, signal } = await started.exited;
	if (code !== 0) throw new Error(`${command} ended with ${code ?? signal}:\n${started.output()}`);
	return started.output();
}

/** The settings that name its files. PostgreSQL takes a key only that nobody but its user can read. */
function writeTls(dir: string, { certificate, key }: PostgresTls, user: User | undefined): string[] {
	const files = { ssl_cert_file: join(dir, "server.pem"), ssl_key_file: join(dir, "server-key.pem") };
	writeFileSync(files.ssl_cert_file, certificate);
	writeFileSync(files.ssl_key_file, key, { mode: 0o600 });
	for (const file of Object.values(files)) if (user !== undefined) chownSync(file, user.uid, user.gid);
	return ["ssl=on", ...Object.entries(files).map(([name, file]) => `${name}=${file}`)];
}

async function launch(
	bin: string,
	data: string,
	dir: string,
	port: number,
	user: User | undefined,
	more: readonly string[],
): Promise<StartedProcess> {
	// Nothing has to survive a power cut here, so it does not wait for the disk. What was committed survives kill9.
	const settings = ["fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB", ...more];
	const server = await startProcess(
		join(bin, "postgres"),
		["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", dir, ...settings.flatMap((setting) => ["-c", setting])],
		{ name: "postgres", cwd: dir, ...user },
	);
	try {
		await waitFor(
			"PostgreSQL takes connections",
			async () => {
				if (!server.alive) return "ended";
				const sql = postgres(urlOf(port, "postgres"), { max: 1, connect_timeout: 2, onnotice: () => undefined });
				try {
					return (await sql`SELECT 1`).length === 1;
				} finally {
					await sql.end({ timeout: 1 });
				}
			},
			{ timeoutMs: 20_000, intervalMs: 50 },
		);
		if (!server.alive) throw new Error("postgres ended at once");
	} catch (thrown) {
		await server.kill9();
		throw new Error(`${(thrown as Error).message}:\n${server.output()}`, { cause: thrown });
	}
	return server;
}

function signalSessions(server: StartedProcess | undefined, signal: NodeJS.Signals): void {
	if (server === undefined || !server.alive) return;
	for (const pid of childrenOf(server.pid)) process.kill(pid, signal);
}

function childrenOf(pid: number): number[] {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
	} catch {
		// No /proc on this system: the server alone is stopped, which keeps new connections out.
		return [];
	}
}
