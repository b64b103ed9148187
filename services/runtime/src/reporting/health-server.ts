// Three pages for whoever watches over this process: alive, ready, metrics. Plain node:http, because a web framework would
// be the largest part of the runtime.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

export interface HealthChecks {
	/** Why the runtime is not ready; empty when it is. */
	readonly notReady: () => string[];
	readonly registry: Registry;
}

export class HealthServer {
	readonly #server: Server;

	constructor(checks: HealthChecks) {
		this.#server = createServer((request, response) => {
			const respond = (status: number, type: string, body: string) =>
				response.writeHead(status, { "content-type": type }).end(body);
			const json = (status: number, value: unknown) => respond(status, "application/json", JSON.stringify(value));
			switch (request.method === "GET" ? request.url : undefined) {
				case "/livez":
					return json(200, { status: "alive" });
				case "/readyz": {
					const reasons = checks.notReady();
					return json(reasons.length === 0 ? 200 : 503, { status: reasons.length === 0 ? "ready" : "not ready", reasons });
				}
				case "/metrics":
					return void checks.registry.metrics().then(
						(text) => respond(200, checks.registry.contentType, text),
						() => respond(500, "text/plain", "metrics cannot be collected\n"),
					);
				default:
					return json(404, { status: "not found", pages: ["/livez", "/readyz", "/metrics"] });
			}
		});
		this.#server.requestTimeout = 10_000;
		this.#server.headersTimeout = 5_000;
	}

	/** @param port 0 for any free one @returns the port */
	async listen(host: string, port: number): Promise<number> {
		await new Promise<void>((resolve, reject) => {
			this.#server.once("error", reject);
			this.#server.listen(port, host, () => resolve());
		});
		return (this.#server.address() as AddressInfo).port;
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise<void>((resolve) => this.#server.close(() => resolve()));
	}
}
