// Puts the modules that a table names where they are missing on the bus. What the table of before had there is not looked at again
// until everything is compared anew: a tenant with ten thousand modules would otherwise wait seconds for each change.
import type { ObjectInfo, ObjectStore } from "nats";

/** Reads a module's bytes from the database, or `undefined` when no version has this digest. */
export type LoadModule = (digest: string) => Promise<Uint8Array | undefined>;

/** So many modules are looked at one by one; for more, all are listed. */
const LOOKED_AT_SINGLY = 64;

/** Modules that are looked at or put at the same time. */
const AT_ONCE = 4;

export class ModulesOnBus {
	readonly #load: LoadModule;
	/** Digests by tenant that were on the bus for its last table. */
	readonly #seen = new Map<string, ReadonlySet<string>>();

	constructor(load: LoadModule) {
		this.#load = load;
	}

	/** From now on everything is looked at again. */
	forget(): void {
		this.#seen.clear();
	}

	/**
	 * Rejects when the bus cannot be reached or a module is missing from the database.
	 *
	 * @param modules bytes by digest
	 */
	async ensure(store: ObjectStore, tenant: string, modules: ReadonlyMap<string, number>): Promise<void> {
		const seen = this.#seen.get(tenant);
		const unseen = [...modules].filter(([digest]) => seen?.has(digest) !== true);
		const infos = unseen.length > LOOKED_AT_SINGLY ? new Map((await store.list()).map((info) => [info.name, info])) : undefined;
		const queue = unseen.values();
		const worker = async () => {
			for (const [digest, size] of queue) {
				const info = infos === undefined ? await store.info(digest) : infos.get(digest);
				if (!isModule(info, digest, size)) await putModule(store, digest, this.#load, "module of a plugin version");
			}
		};
		await Promise.all(Array.from({ length: AT_ONCE }, worker));
		this.#seen.set(tenant, new Set(modules.keys()));
	}
}

/** Stands with modules that were put for a replay: they leave when neither a replay nor a route table needs them. */
export const REPLAY_MODULE = "module of a replay";

/** Puts one module where it is missing or damaged. Rejects as {@link ModulesOnBus.ensure}. */
export async function ensureModule(
	store: ObjectStore,
	{ digest, size }: { readonly digest: string; readonly size: number },
	load: LoadModule,
	description: string,
): Promise<void> {
	if (!isModule(await store.info(digest), digest, size)) await putModule(store, digest, load, description);
}

async function putModule(store: ObjectStore, digest: string, load: LoadModule, description: string): Promise<void> {
	const bytes = await load(digest);
	if (bytes === undefined) throw new Error(`module ${digest} is wanted and in no plugin version`);
	await store.putBlob({ name: digest, description }, bytes);
}

/** The store's own checksum is the SHA-256 that is also our digest. */
function isModule(info: ObjectInfo | null | undefined, digest: string, size: number): boolean {
	if (info === null || info === undefined || info.deleted || info.size !== size) return false;
	return sameChecksum(info.digest, `SHA-256=${Buffer.from(digest, "hex").toString("base64url")}`);
}

/** Base64url with or without padding. */
function sameChecksum(found: string, expected: string): boolean {
	return found.replace(/=+$/, "") === expected.replace(/=+$/, "");
}
