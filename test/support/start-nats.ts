// A real nats-server with JetStream for a test: own port, own store, closed with the test. What reconnecting, redelivery
// and "no responders" do cannot be learned from a stand-in.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { closeAfter } from "./close-after.js";
import { findExecutable } from "./find-executable.js";
import { type StartedProcess, startProcess } from "./start-process.js";
import { makeTempDir, removeDir } from "./temp-dir.js";
import { waitFor } from "./wait-for.js";

export interface NatsOptions {
	/** TCP port on 127.0.0.1; default: one that the server chooses. */
	readonly port?: number;
	/** JetStream; default true. */
	readonly jetstream?: boolean;
	/** More lines for the server's configuration file, such as accounts and permissions. */
	readonly config?: string;
}

export interface StartedNats {
	readonly url: string;
	readonly port: number;
	/** Process id of the server that runs now; another one after `restart()`. */
	readonly pid: number;
	/** Directory of the JetStream store; survives stop, kill9 and restart. */
	readonly storeDir: string;
	/** What the server has written since its last start. */
	output(): string;
	stop(): Promise<void>;
	/** SIGKILL: the server gets no chance to write anything. */
	kill9(): Promise<void>;
	/** Starts the server again on the same port and store; stops it first when it runs. */
	restart(): Promise<void>;
	/** SIGSTOP: connections stay open and nothing is answered. */
	pause(): void;
	/** SIGCONT. */
	resume(): void;
}

/** Starts a server and resolves when it takes connections. It is stopped and its store removed after the test. */
export async function startNats(options: NatsOptions = {}): Promise<StartedNats> {
	const dir = makeTempDir("nats");
	const storeDir = join(dir, "store");
	let server: StartedProcess | undefined;
	closeAfter(async () => {
		await server?.kill9();
		removeDir(dir);
	});
	server = await launch(dir, storeDir, options.port ?? -1, options);
	const port = readPort(dir);
	return {
		url: `nats://127.0.0.1:${port}`,
		port,
		get pid() {
			return (server as StartedProcess).pid;
		},
		storeDir,
		output: () => server?.output() ?? "",
		async stop() {
			await server?.stop();
		},
		async kill9() {
			await server?.kill9();
		},
		async restart() {
			await server?.stop();
			server = await launch(dir, storeDir, port, options);
		},
		pause: () => server?.pause(),
		resume: () => server?.resume(),
	};
}

async function launch(dir: string, storeDir: string, port: number, options: NatsOptions): Promise<StartedProcess> {
	for (const file of portFiles(dir)) rmSync(file);
	const configFile = join(dir, "nats.conf");
	const lines = [
		`listen: "127.0.0.1:${port}"`,
		`ports_file_dir: ${JSON.stringify(dir)}`,
		...(options.jetstream === false ? [] : [`jetstream { store_dir: ${JSON.stringify(storeDir)} }`]),
		options.config ?? "",
	];
	writeFileSync(configFile, `${lines.join("\n")}\n`);
	const server = await startProcess(findExecutable("nats-server"), ["-c", configFile], { name: "nats-server" });
	try {
		await waitFor(
			"nats-server takes connections",
			async () => {
				if (!server.alive) return "ended";
				return portFiles(dir).length > 0 && (await greets(readPort(dir)));
			},
			{ timeoutMs: 15_000 },
		);
		if (!server.alive) throw new Error("nats-server ended at once");
	} catch (thrown) {
		await server.kill9();
		throw new Error(`${(thrown as Error).message}:\n${server.output()}`, { cause: thrown });
	}
	return server;
}

function portFiles(dir: string): string[] {
	return readdirSync(dir)
		.filter((name) => name.endsWith(".ports"))
		.map((name) => join(dir, name));
}

function readPort(dir: string): number {
	const file = portFiles(dir)[0] as string;
	const ports = JSON.parse(readFileSync(file, "utf8")) as { nats: string[] };
	return Number(new URL(ports.nats[0] as string).port);
}

function greets(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: "127.0.0.1" });
		socket.once("data", (bytes) => {
			socket.destroy();
			resolve(bytes.toString("latin1").startsWith("INFO "));
		});
		socket.once("error", () => resolve(false));
	});
}
