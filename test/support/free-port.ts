// A TCP port that nobody listens on. Fixed ports make tests fail when two of them, or a developer's own server, run at once.
import { createServer } from "node:net";

/** A free TCP port on 127.0.0.1. Another process could take it before you do; prefer port 0 where a server accepts it. */
export async function freePort(): Promise<number> {
	return await new Promise<number>((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() => {
				if (address === null || typeof address === "string") reject(new Error("no TCP port was given"));
				else resolve(address.port);
			});
		});
	});
}
