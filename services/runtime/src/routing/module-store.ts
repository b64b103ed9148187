// Modules in three tiers: compiled in memory, bytes on the local disk, bytes in the bus's object store. The digest is checked
// whenever bytes are read, from whichever tier: a file that somebody changed must not run.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeError, ModuleFault } from "@hookbus/foundation";
import { MAX_MODULE_BYTES } from "@hookbus/schemas";
import type { ObjectStore } from "nats";
import type { Logger } from "pino";
import { errors } from "../errors.js";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { LinkRequest } from "./link-thread-entry.js";

/** Which module, and what it must fulfil. */
export interface ModuleRequest extends Omit<LinkRequest, "bytes"> {
	readonly digest: string;
}

export interface ModuleSource {
	/** Bytes by digest; rejects when they cannot be had. */
	fetch(digest: string): Promise<Uint8Array>;
}

/** The bus's object store as a source. */
export function objectStoreSource(store: () => Promise<ObjectStore>): ModuleSource {
	return {
		async fetch(digest) {
			const objects = await store();
			// Before anything is fetched: a large object holds up the events that come over the same connection.
			const size = (await objects.info(digest))?.size ?? 0;
			if (size > MAX_MODULE_BYTES) {
				throw new ModuleFault("too_large", "module", `${size} bytes; at most ${MAX_MODULE_BYTES} are allowed`);
			}
			const object = await objects.get(digest);
			if (object === null)
				throw errors.module_unavailable(
					`module ${digest} is not in the object store; the control plane puts it there again within 30 s`,
				);
			const chunks: Uint8Array[] = [];
			const reader = object.data.getReader();
			for (;;) {
				const { done, value } = await reader.read();
				if (done) break;
				chunks.push(value);
			}
			const failure: unknown = await object.error;
			if (failure instanceof Error) throw errors.module_unavailable(`module ${digest}: ${failure.message}`, { cause: failure });
			return Buffer.concat(chunks);
		},
	};
}

export class ModuleStore {
	readonly #directory: string;
	readonly #source: ModuleSource;
	readonly #logger: Logger;
	readonly #link: (request: LinkRequest) => Promise<LinkedModules>;
	readonly #compiled = new Map<string, Promise<LinkedModules>>();

	/**
	 * @param directory the disk cache; it is made when it is missing
	 * @param link checks and compiles
	 */
	constructor(directory: string, source: ModuleSource, link: (request: LinkRequest) => Promise<LinkedModules>, logger: Logger) {
		this.#link = link;
		this.#directory = directory;
		this.#source = source;
		this.#logger = logger;
	}

	/**
	 * The module with what serves it, compiled, its memory limited.
	 *
	 * @throws ModuleFault when this host does not take it, CodedError `module_unavailable` or `module_corrupt`
	 */
	get(request: ModuleRequest): Promise<LinkedModules> {
		const key = keyOf(request);
		let compiled = this.#compiled.get(key);
		if (compiled === undefined) {
			compiled = this.#compile(request);
			this.#compiled.set(key, compiled);
			// A failure is not kept: the next table may come when the object store is back.
			compiled.catch(() => this.#compiled.delete(key));
		}
		return compiled;
	}

	/**
	 * Forgets compiled modules that no table uses, and takes the bytes of those that only a table had which is gone from the disk: what
	 * was uninstalled is kept nowhere. What else lies there stays, for tables that are not here yet.
	 *
	 * @param gone what the table needed that is gone
	 */
	retain(requests: Iterable<ModuleRequest>, gone: readonly ModuleRequest[] = []): void {
		const kept = [...requests];
		const used = new Set(kept.map(keyOf));
		for (const key of this.#compiled.keys()) {
			if (!used.has(key)) this.#compiled.delete(key);
		}
		const usedDigests = new Set(kept.map(({ digest }) => digest));
		for (const digest of new Set(gone.map((request) => request.digest))) {
			if (!usedDigests.has(digest)) void this.#discard(digest);
		}
	}

	/** Never rejects: a file that stays costs room and is never run unless a table asks for its digest. */
	async #discard(digest: string): Promise<void> {
		try {
			await rm(this.#pathOf(digest), { force: true });
		} catch (thrown) {
			this.#logger.warn({ digest, error: describeError(thrown) }, "a module that nobody uses could not be removed from the disk");
		}
	}

	#pathOf(digest: string): string {
		return join(this.#directory, `${digest}.wasm`);
	}

	async #compile(request: ModuleRequest): Promise<LinkedModules> {
		const bytes = await this.#read(request.digest);
		return this.#link({ bytes, memoryPages: request.memoryPages, exports: request.exports });
	}

	async #read(digest: string): Promise<Uint8Array> {
		const path = this.#pathOf(digest);
		const cached = await readFile(path).catch(() => undefined);
		if (cached !== undefined) {
			if (digestOf(cached) === digest) return cached;
			this.#logger.warn({ digest }, "a cached module does not have its digest; fetching it again");
			await rm(path, { force: true });
		}
		const fetched = await this.#source.fetch(digest);
		if (digestOf(fetched) !== digest) {
			throw errors.module_corrupt(`the object store's module ${digest} has digest ${digestOf(fetched)}; it is not run`);
		}
		await this.#keep(path, fetched);
		return fetched;
	}

	/** Writes beside and renames, so that a crash leaves no half file under the digest. */
	async #keep(path: string, bytes: Uint8Array): Promise<void> {
		try {
			await mkdir(this.#directory, { recursive: true });
			const beside = `${path}.${randomUUID()}`;
			await writeFile(beside, bytes);
			await rename(beside, path);
		} catch (thrown) {
			this.#logger.warn({ error: describeError(thrown) }, "a module could not be cached on disk");
		}
	}
}

function keyOf(request: ModuleRequest): string {
	return `${request.digest}/${request.memoryPages}/${[...request.exports].sort().join()}`;
}

function digestOf(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}
