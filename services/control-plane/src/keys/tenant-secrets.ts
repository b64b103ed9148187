// The box of a tenant's secrets: its data keys as the database has them. The first secret of a tenant makes its first key, inside the
// transaction of the change that needs it, so that there is never a secret whose key was lost, nor two keys that both are the current.
import { createSecretBox, type MasterKeys, type SecretBox } from "@hookbus/foundation";
import type { Queries } from "../database/database.js";
import { addDataKey, currentDataKey, type DataKeyRow, dataKeysOf, retireDataKey } from "./repository.js";

export class TenantSecrets {
	readonly #master: MasterKeys;

	constructor(master: MasterKeys) {
		this.#master = master;
	}

	/** Opens and seals in the transaction of `queries`, and as long as that lasts. */
	async boxOf(queries: Queries, tenant: string): Promise<SecretBox> {
		const sealWith = () => ensureDataKey(queries, this.#master, tenant);
		return createSecretBox(this.#master, await dataKeysOf(queries, tenant), sealWith);
	}
}

/**
 * The tenant's current key; makes it when there is none, or when its master key was lost: what it sealed cannot be read, but secrets
 * can be set again. Of two processes that make one at once the first one's counts.
 */
export async function ensureDataKey(queries: Queries, master: MasterKeys, tenant: string): Promise<DataKeyRow> {
	const there = await currentDataKey(queries, tenant);
	if (there !== undefined) {
		if (await canUnwrap(master, there)) return there;
		await retireDataKey(queries, tenant);
	}
	await addDataKey(queries, tenant, await master.makeDataKey(tenant));
	const made = await currentDataKey(queries, tenant);
	if (made === undefined) throw new Error(`tenant ${tenant} has no data key although one was just made`);
	return made;
}

export async function canUnwrap(master: MasterKeys, { tenant, ...key }: DataKeyRow): Promise<boolean> {
	try {
		await master.unwrap(tenant, key);
		return true;
	} catch {
		// Wrapped by a master key that is not here; whoever needs what it sealed is told so.
		return false;
	}
}
