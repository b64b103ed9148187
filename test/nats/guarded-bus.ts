// A real server with the accounts and permissions that `npm run nats:config` makes, and the users' seeds.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ConnectionOptions, connect, type NatsConnection, nkeyAuthenticator } from "nats";
import { busUsers } from "../../deploy/nats/bus-keys.js";
import { serverConfig } from "../../deploy/nats/server-config.js";
import { closeAfter } from "../support/close-after.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { tempDir } from "../support/temp-dir.js";

export const TENANTS = ["default", "globex"];
export const RUNTIME = "rt-1";

/** A user, by the name of its seed's file, with the inbox prefix that it uses. */
export const ROLES = {
	publisher: { seed: "tenant.default.publisher", inbox: "_INBOX_default" },
	listener: { seed: "tenant.default.listener", inbox: "_INBOX_default" },
	runtime: { seed: `runtime.${RUNTIME}`, inbox: `_INBOX_runtime_${RUNTIME}` },
	"control plane": { seed: "control-plane", inbox: "_INBOX_control_plane" },
	operator: { seed: "operator", inbox: "_INBOX" },
	"other tenant's publisher": { seed: "tenant.globex.publisher", inbox: "_INBOX_globex" },
} as const;
export type Role = keyof typeof ROLES;

export interface GuardedBus {
	readonly nats: StartedNats;
	seed(name: string): string;
	/** A connection as this role; closed with the test. */
	as(role: Role, options?: ConnectionOptions): Promise<NatsConnection>;
	/** Gives the running server new accounts. */
	reload(tenants: readonly string[]): void;
}

export async function startGuardedBus(): Promise<GuardedBus> {
	const keys = tempDir("nats-keys");
	const config = (tenants: readonly string[]) => serverConfig(busUsers(keys, { tenants, runtimes: [RUNTIME] }));
	const before = config(TENANTS);
	const nats = await startNats({ config: before });
	const seed = (name: string) => readFileSync(join(keys, `${name}.seed`), "utf8").trim();
	return {
		nats,
		seed,
		async as(role, options = {}) {
			const connection = await connect({
				servers: nats.url,
				authenticator: nkeyAuthenticator(Buffer.from(seed(ROLES[role].seed))),
				inboxPrefix: ROLES[role].inbox,
				reconnect: false,
				...options,
			});
			closeAfter(() => connection.close());
			return connection;
		},
		reload(tenants) {
			const file = join(dirname(nats.storeDir), "nats.conf");
			writeFileSync(
				file,
				readFileSync(file, "utf8").replace(before, () => config(tenants)),
			);
			process.kill(nats.pid, "SIGHUP");
		},
	};
}
