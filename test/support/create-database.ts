// A fresh PostgreSQL database for each test, on the one server of the run. Tests that share a database see each other's rows.
import { inject } from "vitest";

declare module "vitest" {
	interface ProvidedContext {
		/** Address of the broker that the settings start, see database-broker.ts. */
		databaseBroker: string;
	}
}

/** URL of an empty database of this test's own (`postgres://…`). It goes away with the server at the end of the run. */
export async function createDatabase(): Promise<string> {
	const response = await fetch(inject("databaseBroker"), { method: "POST", headers: { connection: "close" } });
	const text = await response.text();
	if (!response.ok) throw new Error(`no database: ${text}`);
	return text;
}
