// hookbus keys status: how the keys of secrets stand.
import type { KeyStatus } from "@hookbus/schemas";
import type { Command } from "../command.js";
import { CALL_HELP, CALL_OPTIONS, controlPlaneOf } from "../control-plane/call-control-plane.js";
import { describeKeys } from "../control-plane/describe-keys.js";

export const keysStatus: Command = {
	name: "keys status",
	summary: "Show how the keys of secrets stand",
	help: `hookbus keys status --key-file <file> [--url <url>] [--json]

Asks a control plane which master key wraps the data keys of tenants, and what a rotation has left. For admins of the tenant default.

${CALL_HELP}`,
	options: CALL_OPTIONS,
	maxPositionals: 0,
	async run(given) {
		const status = await (await controlPlaneOf(given)).call<KeyStatus>("GET", "/api/v1/keys");
		return { lines: describeKeys(status), json: status };
	},
};
