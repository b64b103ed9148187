// TCP and HTTP servers that remember who came: for tests of what is reached, and above all of what is not.
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { closeAfter } from "./close-after.js";

export interface StartedListener {
	readonly port: number;
	/** Connections that were made so far. */
	readonly connections: number;
	/** Connections that are open now. */
	readonly open: number;
}

export interface ReceivedRequest {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

export interface StartedSite extends StartedListener {
	/** All requests so far, with their bodies. */
	readonly requests: ReceivedRequest[];
}

export interface SiteTls {
	readonly key: string;
	readonly cert: string;
}

/**
 * A TCP server.
 *
 * @param address `undefined`: all addresses of this machine
 */
export async function startListener(
	address: string | undefined,
	onConnection: (socket: Socket) => void,
): Promise<StartedListener> {
	// A socket that nobody reads from does not notice that it was closed.
	return await listen(
		createServer((socket) => onConnection(socket.resume())),
		address,
	);
}

/** An HTTP server; with `tls` an HTTPS server. */
export async function startSite(address: string, onRequest: RequestListener, tls?: SiteTls): Promise<StartedSite> {
	const requests: ReceivedRequest[] = [];
	const remember: RequestListener = (request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const { method = "", url = "", headers } = request;
			requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
			onRequest(request, response);
		});
	};
	const server = tls === undefined ? createHttpServer(remember) : createHttpsServer(tls, remember);
	return Object.assign(await listen(server, address), { requests });
}

async function listen(server: Server, address: string | undefined): Promise<StartedListener> {
	const sockets = new Set<Socket>();
	let connections = 0;
	server.on("connection", (socket: Socket) => {
		connections += 1;
		sockets.add(socket);
		socket.on("error", () => undefined);
		socket.on("close", () => sockets.delete(socket));
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen({ port: 0, ...(address === undefined ? {} : { host: address }) }, resolve);
	});
	closeAfter(async () => {
		for (const socket of sockets) socket.destroy();
		await new Promise<void>((resolve) => server.close(() => resolve()));
	});
	const { port } = server.address() as AddressInfo;
	return {
		port,
		get connections() {
			return connections;
		},
		get open() {
			return sockets.size;
		},
	};
}
