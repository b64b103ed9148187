// A client that is closed with its test, with a tenant of its own and a record of its statuses.
import { type ClientOptions, type ClientStatus, connectHookbus, type HookbusClient } from "@hookbus/client";
import { closeAfter } from "../support/close-after.js";

let tenants = 0;

/** A tenant that no other test of this file uses, so that tests can share a server. */
export function newTenant(): string {
	tenants++;
	return `tenant-${tenants}`;
}

export interface TestClient {
	readonly client: HookbusClient;
	readonly statuses: ClientStatus[];
}

export async function connectTestClient(url: string, tenant: string, options: Partial<ClientOptions> = {}): Promise<TestClient> {
	const statuses: ClientStatus[] = [];
	const client = await connectHookbus({
		servers: url,
		tenant,
		// Long, so that a busy machine is not taken for a bus that does not answer; tests of deadlines and of silence set their own.
		defaultDeadlineMs: 20_000,
		silenceMs: 15_000,
		connectTimeoutMs: 15_000,
		closeTimeoutMs: 200,
		onStatus: (status) => statuses.push(status),
		...options,
	});
	closeAfter(() => client.close());
	return { client, statuses };
}
