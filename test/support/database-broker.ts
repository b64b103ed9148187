// One PostgreSQL server and one PGlite template for a whole run, each made when the first test asks for a database. Test files
// run in several processes, so both belong to the main process, which hands out databases over HTTP on loopback.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ensurePgliteTemplate } from "./pglite-template.js";
import { startPostgresUnclosed } from "./start-postgres.js";

export interface DatabaseBroker {
	/** `POST` here answers with the URL of a fresh PostgreSQL database, `GET` with the directory of the PGlite template. */
	readonly url: string;
	close(): Promise<void>;
}

/** Starts the broker; PostgreSQL itself starts with the first request. */
export async function startDatabaseBroker(): Promise<DatabaseBroker> {
	let postgres: ReturnType<typeof startPostgresUnclosed> | undefined;
	let template: ReturnType<typeof ensurePgliteTemplate> | undefined;
	const newDatabase = async (): Promise<string> => {
		postgres ??= startPostgresUnclosed();
		return (await postgres).server.createDatabase();
	};
	const templateDirectory = (): Promise<string> => {
		template ??= ensurePgliteTemplate();
		return template;
	};
	const http = createServer((request, response) => {
		(request.method === "POST" ? newDatabase() : templateDirectory()).then(
			(database) => response.end(database),
			(thrown: unknown) => {
				response.statusCode = 500;
				response.end(thrown instanceof Error ? thrown.message : String(thrown));
			},
		);
	});
	await listen(http);
	return {
		url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
		async close() {
			http.closeAllConnections();
			await new Promise((resolve) => http.close(resolve));
			const started = await postgres?.catch(() => undefined);
			await started?.close();
		},
	};
}

function listen(http: Server): Promise<void> {
	return new Promise((resolve, reject) => {
		http.once("error", reject);
		http.listen(0, "127.0.0.1", resolve);
	});
}
