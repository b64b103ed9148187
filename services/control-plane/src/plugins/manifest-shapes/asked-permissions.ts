// Permissions that a foreign manifest asks for. Reads permissions, and network or allowed_hosts for the requests that
// network_access is for. A name that is unknown here is an error: nobody can say what it would have allowed.
import { type Manifest, Permission } from "@hookbus/schemas";
import { secretFields } from "../../config/config-schema.js";
import { isObject } from "../../config/merge-config.js";
import type { Translation } from "./translation.js";
import { shown } from "./written-values.js";

const KNOWN: readonly unknown[] = Permission.anyOf.map((literal) => literal.const);

/** To be called after configuration and network rules are there: secrets and rules decide what has to be asked for. */
export function translatePermissions(translation: Translation): void {
	const value = translation.take("permissions") ?? [];
	if (!Array.isArray(value)) return translation.refuse("/permissions", `must be a list of ${KNOWN.join(", ")}`);
	value.forEach((name, index) => {
		if (!KNOWN.includes(name)) {
			translation.refuse(`/permissions/${index}`, `${shown(name)} is no permission; there are ${KNOWN.join(", ")}`);
		}
	});
	const asked = new Set<unknown>(value);
	askForNetwork(translation, asked);
	askForSecrets(translation, asked);
	if (asked.size > 0) translation.put("permissions", [...asked], "/permissions");
}

/** Without rules no request would be allowed, so none is asked for. */
function askForNetwork(translation: Translation, asked: Set<unknown>): void {
	const rules = translation.manifest["network"] ?? rulesOf(translation);
	if (rules !== undefined) {
		translation.manifest["network"] = rules;
		asked.add("network_access");
	} else if (asked.delete("network_access")) {
		translation.warn(
			"/permissions",
			"network_access is not asked for, because it names no hosts; add network: [{host: api.example.com, methods: [GET]}]",
		);
	}
}

function rulesOf(translation: Translation): unknown {
	const rules = translation.take("network");
	const hosts = translation.take("allowed_hosts");
	if (rules !== undefined) {
		translation.cameFrom("/network", "/network");
		return rules;
	}
	if (!Array.isArray(hosts) || hosts.length === 0) return undefined;
	hosts.forEach((_, index) => {
		translation.cameFrom(`/network/${index}/host`, `/allowed_hosts/${index}`);
	});
	translation.warn("/allowed_hosts", "each host became a network rule for GET and POST over https");
	return hosts.map((host: unknown) => ({ host, methods: ["GET", "POST"] }));
}

/** Elsewhere a plugin sees all of its configuration; here it sees a secret when it asks for that, or the host puts it in. */
function askForSecrets(translation: Translation, asked: Set<unknown>): void {
	const { config, network, runtime } = translation.manifest;
	// A plugin without a module of its own reads nothing.
	if (!isObject(config) || asked.has("read_secrets") || runtime === "api_call") return;
	const placed = new Set((Array.isArray(network) ? network : []).flatMap(placedSecrets));
	const unseen = [...secretFields({ config } as unknown as Manifest)].filter((field) => !placed.has(field));
	if (unseen.length === 0) return;
	asked.add("read_secrets");
	translation.warn(
		"/permissions",
		`read_secrets is asked for, because the plugin reads ${unseen.join(", ")} of its configuration`,
	);
}

function placedSecrets(rule: unknown): unknown[] {
	const secrets = isObject(rule) ? rule["secrets"] : undefined;
	return Array.isArray(secrets)
		? secrets.map((placement: unknown) => (isObject(placement) ? placement["secret"] : undefined))
		: [];
}
