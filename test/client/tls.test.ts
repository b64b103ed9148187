// TLS between a chat service and NATS: whoever asks for it gets it with the right server, or no connection at all.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { type ClientOptions, connectHookbus } from "@hookbus/client";
import { expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { startNats } from "../support/start-nats.js";

const TLS = resolve(import.meta.dirname, "../fixtures/tls");
const read = (name: string) => readFileSync(join(TLS, name), "utf8");

async function serve(certificate: string): Promise<string> {
	const tls = `tls { cert_file: "${join(TLS, certificate)}", key_file: "${join(TLS, "bus-key.pem")}" }`;
	return `tls://localhost:${(await startNats({ jetstream: false, config: tls })).port}`;
}

async function isConnected(servers: string, tls?: ClientOptions["tls"]): Promise<boolean> {
	const options: ClientOptions = { tenant: "default", servers, tls, connectTimeoutMs: 1_000 };
	const client = await connectHookbus(options);
	const { connected } = client;
	await client.close();
	return connected;
}

test("AU-11 a client connects to a server with the right certificate, and to no other", async () => {
	const ca = read("bus-authority.pem");
	const good = await serve("bus.pem");
	expect(await isConnected(good, { ca })).toBe(true);
	expect(await isConnected(good, { ca: read("authority.pem") })).toBe(false);
	expect(await isConnected(good)).toBe(false);
	expect(await isConnected(await serve("bus-expired.pem"), { ca })).toBe(false);
	expect(await isConnected(await serve("bus-other-name.pem"), { ca })).toBe(false);
});

test("AU-11 with tls:// a server, or somebody on the way, that offers no TLS gets nothing", async () => {
	const sent: string[] = [];
	const server = createServer((socket) => {
		socket.on("error", () => undefined);
		socket.write(`INFO ${JSON.stringify({ server_id: "X", version: "2.12.9", proto: 1, max_payload: 1_048_576 })}\r\n`);
		socket.on("data", (bytes) => sent.push(bytes.toString("latin1")));
	});
	await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
	closeAfter(() => new Promise<void>((closed) => server.close(() => closed())));
	const { port } = server.address() as { port: number };
	const options: ClientOptions = {
		tenant: "default",
		servers: ["127.0.0.1:9", `tls://127.0.0.1:${port}`],
		credentials: { token: "secret" },
		connectTimeoutMs: 500,
	};
	const client = await connectHookbus(options);
	expect(client.connected).toBe(false);
	await client.close();
	expect(sent).toEqual([]);
});
