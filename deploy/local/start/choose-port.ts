// Finds the port that a service gets. Two projects on one machine often want 8080, and a server that dies with EADDRINUSE
// after half a minute of building helps nobody.
import { createServer } from "node:net";
import { type PortName, portVariable, type WantedPort } from "./settings.js";

const TRIES = 50;

/**
 * The wanted port, or the next free one when it was not asked for by name.
 *
 * @param taken ports that were given away and are not in use yet; the chosen one is added
 * @param note gets a line when it is another one than wanted
 * @throws Error when it is taken and was asked for by name, or when none is free
 */
export async function choosePort(
	name: PortName,
	wanted: WantedPort,
	taken: Set<number>,
	note: (text: string) => void,
): Promise<number> {
	const variable = portVariable(name);
	for (let port = wanted.port; port < wanted.port + TRIES && port <= 65_535; port++) {
		if (!taken.has(port) && (await isFree(port))) {
			if (port !== wanted.port) note(`port ${wanted.port} is taken; using ${port} (${variable} sets another one)`);
			taken.add(port);
			return port;
		}
		if (wanted.explicit) throw new Error(`port ${port} (${variable}) is taken by another process; end that, or set another port`);
	}
	throw new Error(`no port from ${wanted.port} on is free; set ${variable}`);
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false));
		server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}
