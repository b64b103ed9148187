// Writes accounts as a configuration of nats-server, to be included in the server's own file: what is about addresses, TLS and
// directories is the operator's.
import { accountsOf, type BusUsers, SYSTEM_ACCOUNT } from "./accounts.js";

/**
 * The configuration. nats-server reads JSON; the comments are for whoever opens the file.
 *
 * @throws Error see accountsOf
 */
export function serverConfig(users: BusUsers): string {
	return [
		"# Accounts and permissions of the hook bus, made by `npm run nats:config`. Changes here are lost with the next run.",
		'# Use it as:  include "<this file>"  beside `jetstream { … }`, TLS and addresses; then `nats-server --signal reload`.',
		`system_account: ${SYSTEM_ACCOUNT}`,
		`accounts: ${JSON.stringify(accountsOf(users), undefined, 2)}`,
		"",
	].join("\n");
}
