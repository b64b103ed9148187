// Locks a directory for one process. proper-lockfile keeps the lock; beside it a file says which process holds it, because
// after a kill -9 the lock looks held until it is stale, and a restart must neither wait for that nor break a live lock.
import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { errors } from "../errors.js";

/** Milliseconds without a sign of life after which a lock counts as left behind. */
const STALE_MS = 10_000;
const RETRY_MS = 500;

export interface DirectoryLock {
	/** Idempotent. */
	release(): Promise<void>;
}

interface Owner {
	readonly pid: number;
	readonly host: string;
}

/**
 * Takes the lock `<path>.lock`. A lock whose owner on this machine is dead is taken over at once; one whose owner cannot be
 * asked (another machine or container) is waited for until it is stale.
 *
 * @throws CodedError `database_locked` naming the process that holds it
 */
export async function lockDirectory(path: string, onLost: (thrown: Error) => void): Promise<DirectoryLock> {
	const lockfilePath = `${path}.lock`;
	const ownerFile = `${path}.owner`;
	const deadline = performance.now() + STALE_MS + 2 * RETRY_MS;
	for (;;) {
		try {
			const unlock = await lock(path, { lockfilePath, realpath: false, stale: STALE_MS, update: 2_000, onCompromised: onLost });
			await writeFile(ownerFile, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner));
			let releasing: Promise<void> | undefined;
			return {
				release() {
					// Called without arguments: proper-lockfile takes the first one for its callback.
					releasing ??= rm(ownerFile, { force: true }).then(() => unlock());
					return releasing;
				},
			};
		} catch (thrown) {
			if ((thrown as { code?: unknown }).code !== "ELOCKED") throw thrown;
			const owner = await readOwner(ownerFile);
			const state = owner === undefined ? "unknown" : stateOf(owner);
			if (state === "alive" || performance.now() >= deadline) {
				const who = owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}`;
				throw errors.database_locked(
					`${who} has the database directory open; stop it, use another HOOKBUS_DATA_DIR, or set HOOKBUS_DATABASE_URL to share a PostgreSQL server`,
					{ cause: thrown },
				);
			}
			if (state === "dead") await rm(lockfilePath, { recursive: true, force: true });
			else await delay(RETRY_MS);
		}
	}
}

async function readOwner(file: string): Promise<Owner | undefined> {
	try {
		const value = JSON.parse(await readFile(file, "utf8")) as Partial<Owner>;
		return typeof value.pid === "number" && typeof value.host === "string" ? { pid: value.pid, host: value.host } : undefined;
	} catch {
		// Not written yet, or half written when its process died: nobody to ask.
		return undefined;
	}
}

/** `unknown` for an owner on another machine, and for our own number, which a container's earlier life also had. */
function stateOf(owner: Owner): "alive" | "dead" | "unknown" {
	if (owner.host !== hostname() || owner.pid === process.pid) return "unknown";
	try {
		process.kill(owner.pid, 0);
		return "alive";
	} catch (thrown) {
		return (thrown as { code?: unknown }).code === "EPERM" ? "alive" : "dead";
	}
}
