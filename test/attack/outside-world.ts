// What lies around the runtime for attacks by way of the network and the bus: a site that plugins may be granted and that misbehaves
// on demand, a name server that lies, services of our own that nobody may reach, and things that other plugins keep.
//
// Addresses 127.0.1.x stand for the public internet; everything else on this machine stands for what is private.
import type { ServerResponse } from "node:http";
import { PluginStore } from "@hookbus/runtime";
import type { NatsConnection } from "nats";
import pino from "pino";
import { closeAfter } from "../support/close-after.js";
import { startDns } from "../support/start-dns.js";
import { type StartedListener, startListener, startSite } from "../support/start-listener.js";

/** The range of addresses that stands for the public internet. */
export const INTERNET = "127.0.1.0/24";

/** What nobody but its owner may see. */
export const CANARY = "canary-of-somebody-else";

/** Name of the hostile plugin whose namesake at another tenant keeps things. */
export const KEEPER = "keeper";

/** Names below example.com are the site; the others are these. */
const LIES: Readonly<Record<string, readonly string[]>> = {
	"inside.example.org": ["127.0.0.1"],
	"mixed.example.org": ["127.0.1.1", "127.0.0.1"],
	"metadata.example.org": ["169.254.169.254"],
	"private.example.org": ["10.0.0.1"],
};

export interface OutsideWorld {
	/** Port of the site, on 127.0.1.1. */
	readonly sitePort: number;
	/** Port of the service that nobody may reach, on 127.0.0.1. */
	readonly privatePort: number;
	/** The same on ::1. */
	readonly privatePort6: number;
	readonly nameServer: string;
	/** Connections that were made to what nobody may reach. */
	readonly trespasses: number;
}

export async function openOutsideWorld(): Promise<OutsideWorld> {
	const inside = await startListener("127.0.0.1", (socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${CANARY}`));
	const inside6 = await startListener("::1", (socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${CANARY}`));
	const site = await startSite("127.0.1.1", (request, response) => misbehave(request.url ?? "/", inside, inside6, response));
	let rebinding = 0;
	const dns = await startDns(({ name, type }) => {
		if (type !== "A") return [];
		if (name === "rebinding.example.org") {
			rebinding += 1;
			return [{ type, value: rebinding % 2 === 1 ? "127.0.1.1" : "127.0.0.1" }];
		}
		if (name.endsWith("example.com")) return [{ type, value: "127.0.1.1" }];
		return (LIES[name] ?? []).map((value) => ({ type, value }));
	});
	return {
		sitePort: site.port,
		privatePort: inside.port,
		privatePort6: inside6.port,
		nameServer: dns.server,
		get trespasses() {
			return inside.connections + inside6.connections;
		},
	};
}

function misbehave(url: string, inside: StartedListener, inside6: StartedListener, response: ServerResponse): void {
	const redirects: Readonly<Record<string, string>> = {
		"/to-loopback": `http://127.0.0.1:${inside.port}/`,
		"/to-loopback-6": `http://[::1]:${inside6.port}/`,
		"/to-decimal": `http://2130706433:${inside.port}/`,
		"/to-inside-name": `http://inside.example.org:${inside.port}/`,
		"/to-elsewhere": "http://127.0.1.1:1/",
		"/to-file": "file:///etc/passwd",
		"/round": "/round",
	};
	const target = redirects[url];
	if (target !== undefined) response.writeHead(302, { location: target }).end();
	else if (url === "/slow-headers") return;
	else if (url === "/slow-body") response.writeHead(200, { "content-length": "100" }).write("x");
	else if (url === "/endless") pour(response);
	else if (url === "/echo") response.end(JSON.stringify(response.req.headers));
	else response.end("welcome");
}

/** Writes for as long as somebody reads. */
function pour(response: ServerResponse): void {
	const chunk = Buffer.alloc(64 * 1024, "x");
	const more = () => {
		while (!response.destroyed && response.write(chunk));
	};
	response.on("drain", more);
	more();
}

/** Keeps values (key "secret") and files ("secret") of another plugin of the tenant, and of the hostile one at another tenant. */
export async function keepCanaries(connection: NatsConnection, tenant: string, hostile: string): Promise<void> {
	const logger = pino({ level: "silent" });
	const signal = AbortSignal.timeout(10_000);
	for (const kind of ["state", "files"] as const) {
		const store = await PluginStore.open({ kind, connection, logger });
		closeAfter(() => store.stop());
		const owners = [
			{ tenant, plugin: "neighbour" },
			{ tenant: "elsewhere", plugin: hostile },
		];
		const value = Buffer.from(CANARY);
		for (const owner of owners) {
			for (const name of kind === "state" ? ["ssecret", "osecret"] : ["secret"]) {
				await store.write(owner, name, { value, expiresAt: Number.POSITIVE_INFINITY, limitBytes: 1_000_000 }, signal);
			}
		}
	}
}
