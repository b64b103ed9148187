// `npm run nats:config -- --tenants=acme,globex --runtimes=rt-1,rt-2 [--keys=.hookbus/nats-keys] [--out=file]`: makes the users
// of the bus and prints the server's accounts and permissions.
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { accountsOf } from "./accounts.js";
import { busUsers } from "./bus-keys.js";
import { serverConfig } from "./server-config.js";

const nobody = { nkey: "U" };

function listOf(text: string): string[] {
	return text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}

try {
	const { values } = parseArgs({
		options: {
			tenants: { type: "string", default: "default" },
			runtimes: { type: "string", default: "rt-1" },
			keys: { type: "string", default: ".hookbus/nats-keys" },
			out: { type: "string" },
		},
	});
	const names = { tenants: listOf(values.tenants), runtimes: listOf(values.runtimes) };
	// Before anything is written: names become file names.
	accountsOf({
		controlPlane: nobody,
		operator: nobody,
		runtimes: Object.fromEntries(names.runtimes.map((id) => [id, nobody])),
		tenants: Object.fromEntries(names.tenants.map((tenant) => [tenant, { publishers: [], listeners: [] }])),
	});
	const config = serverConfig(busUsers(values.keys, names));
	if (values.out === undefined) process.stdout.write(config);
	else {
		// Written beside and renamed: a server that reloads now reads the old or the new one.
		const beside = `${values.out}.new`;
		writeFileSync(beside, config, { mode: 0o600 });
		chmodSync(beside, 0o600);
		renameSync(beside, values.out);
		process.stderr.write(`${values.out} is written; the users' seeds are in ${values.keys}\n`);
	}
} catch (thrown) {
	process.stderr.write(`nats:config: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
	process.exitCode = 1;
}
