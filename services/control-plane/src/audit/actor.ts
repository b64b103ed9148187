// Who makes a change: the API key of a request, or the service itself.
import type { Queries } from "../database/database.js";

export interface Actor {
	readonly tenant: string;
	/** Name of the API key; shown as the one who uploaded or granted. */
	readonly name: string;
	/** Id of the API key; absent for the service itself. */
	readonly keyId?: string;
	/** Id of the HTTP request; absent for the service itself. */
	readonly request?: string;
	/** Looked at first in the transaction of a change: what it throws undoes the change. */
	precondition?(queries: Queries): Promise<void>;
	/** Told in the transaction of a change that it is made: what it throws undoes the change. */
	made?(queries: Queries): Promise<void>;
}

/** The service itself, for changes that nobody asked for. */
export function systemActor(tenant: string): Actor {
	return { tenant, name: "system" };
}
