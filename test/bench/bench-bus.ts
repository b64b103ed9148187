// What the cases stand on: a NATS server of its own, started and ended with the run.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect, type NatsConnection } from "nats";

const root = resolve(import.meta.dirname, "../..");

export interface BenchBus {
	readonly url: string;
	readonly connection: NatsConnection;
	/** Starts a node program and resolves when it prints `ready`. It is ended with the bus. */
	startNode(args: readonly string[], env: Record<string, string>, ready: string): Promise<ChildProcess>;
	/** A new directory that is removed with the bus. */
	directory(name: string): string;
	stop(): Promise<void>;
}

export async function startBenchBus(natsServer: string): Promise<BenchBus> {
	const directory = mkdtempSync(join(tmpdir(), "hookbus-bench-"));
	const port = await freePort();
	const children: ChildProcess[] = [];
	const server = spawn(natsServer, ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", join(directory, "nats")], {
		stdio: "ignore",
	});
	children.push(server);
	const end = () => {
		for (const child of children) child.kill("SIGKILL");
		rmSync(directory, { recursive: true, force: true });
	};
	process.once("exit", end);
	const url = `nats://127.0.0.1:${port}`;
	const connection = await connect({ servers: url, waitOnFirstConnect: true, maxReconnectAttempts: 200, reconnectTimeWait: 50 });
	return {
		url,
		connection,
		async startNode(args, env, ready) {
			const child = spawn(process.execPath, [...args], {
				cwd: root,
				env: { PATH: process.env.PATH ?? "", ...env },
				stdio: ["ignore", "pipe", "inherit"],
			});
			children.push(child);
			await new Promise<void>((done, failed) => {
				let output = "";
				child.stdout?.on("data", (chunk: Buffer) => {
					output += chunk.toString();
					if (output.includes(ready)) done();
				});
				child.once("exit", (code) => failed(new Error(`${args.join(" ")} ended with ${code}: ${output}`)));
			});
			return child;
		},
		directory: (name) => join(directory, name),
		async stop() {
			await connection.close();
			process.off("exit", end);
			end();
		},
	};
}

function freePort(): Promise<number> {
	return new Promise((done, failed) => {
		const probe = createServer();
		probe.once("error", failed);
		probe.listen(0, "127.0.0.1", () => {
			const address = probe.address();
			probe.close(() => (typeof address === "object" && address !== null ? done(address.port) : failed(new Error("no port"))));
		});
	});
}
