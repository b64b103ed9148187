// hookbus keys rotate: starts a rotation of keys in a control plane and stays until it ended. The work is the control plane's: ending
// this command ends nothing, and calling it again does what is left.
import { setTimeout as delay } from "node:timers/promises";
import type { KeyRotation, KeyStatus } from "@hookbus/schemas";
import { CliFailure } from "../cli-failure.js";
import type { Command } from "../command.js";
import { CALL_HELP, CALL_OPTIONS, controlPlaneOf } from "../control-plane/call-control-plane.js";
import { describeKeys } from "../control-plane/describe-keys.js";

/** Milliseconds between two looks. */
const LOOK_MS = 500;

export const keysRotate: Command = {
	name: "keys rotate",
	summary: "Move secrets to the current keys",
	help: `hookbus keys rotate --key-file <file> [--data-keys] [--url <url>] [--json]

Lets a control plane wrap the data keys of all tenants with its current master key, and seal what earlier keys sealed with the current
data keys. Everything goes on meanwhile. Whatever dies on the way: call it again, it does what is left. Exit code 1: something is left.
For admins of the tenant default. README.md says in which order the master key is changed.

--data-keys        make a new data key for each tenant, seal everything with it, and delete the one before
${CALL_HELP}`,
	options: { ...CALL_OPTIONS, "data-keys": { type: "boolean" } },
	maxPositionals: 0,
	async run(given, { complain }) {
		const controlPlane = await controlPlaneOf(given);
		const isQuiet = given.options["json"] === true;
		await controlPlane.call<KeyRotation>("POST", "/api/v1/keys/rotate", {
			...(given.options["data-keys"] === true ? { dataKeys: true } : {}),
		});
		for (let said = ""; ; await delay(LOOK_MS)) {
			const status = await controlPlane.call<KeyStatus>("GET", "/api/v1/keys");
			const { rotation } = status;
			if (rotation === undefined) {
				throw new CliFailure("the control plane was started anew and does not go on by itself; call this again", {
					code: "keys_left",
					detail: { ...status },
				});
			}
			const { tenants } = rotation;
			const waits = tenants.done === tenants.all ? ", waiting for the fleet" : "";
			const progress = `${tenants.done} of ${tenants.all} tenants${waits}`;
			if (progress !== said && !isQuiet) complain(progress);
			said = progress;
			if (rotation.state === "running") continue;
			if (status.done) return { lines: describeKeys(status), json: status };
			const failures = rotation.failures.map(({ tenant, message }) => `${tenant}: ${message}`);
			throw new CliFailure(["something is left; call this again", ...failures, ...describeKeys(status)].join("\n"), {
				code: "keys_left",
				detail: { ...status },
			});
		}
	},
};
