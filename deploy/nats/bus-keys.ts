// Keeps one nkey for each user of the bus in a directory: the seed in a file that only its owner can read, for the service;
// the public key for the server's configuration, which therefore holds no secret.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import type { BusUsers, Identity } from "./accounts.js";

export interface BusNames {
	readonly tenants: readonly string[];
	/** Ids of the runtimes. */
	readonly runtimes: readonly string[];
}

/**
 * Reads the seeds of all users, making those that are missing. A removed file is a new key with the next run.
 *
 * @param directory made with mode 0700 when it is missing
 * @throws Error when a file holds no seed
 */
export function busUsers(directory: string, { tenants, runtimes }: BusNames): BusUsers {
	mkdirSync(directory, { recursive: true, mode: 0o700 });
	const key = (name: string): Identity => ({ nkey: publicKey(join(directory, `${name}.seed`)) });
	return {
		controlPlane: key("control-plane"),
		operator: key("operator"),
		runtimes: Object.fromEntries(runtimes.map((id) => [id, key(`runtime.${id}`)])),
		tenants: Object.fromEntries(
			tenants.map((tenant) => [
				tenant,
				{ publishers: [key(`tenant.${tenant}.publisher`)], listeners: [key(`tenant.${tenant}.listener`)] },
			]),
		),
	};
}

function publicKey(file: string): string {
	if (!existsSync(file)) {
		writeFileSync(file, `${new TextDecoder().decode(nkeys.createUser().getSeed())}\n`, { mode: 0o600, flag: "wx" });
	}
	chmodSync(file, 0o600);
	try {
		return nkeys.fromSeed(new TextEncoder().encode(readFileSync(file, "utf8").trim())).getPublicKey();
	} catch (cause) {
		// The cause is not quoted: it may hold a part of the seed.
		throw new Error(`${file} holds no seed of an nkey; remove it, and a new one is made`, { cause });
	}
}
