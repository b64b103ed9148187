// What a body asks for: plain properties, and for each secret whether it is set, kept or removed. One reading for everybody's
// configuration and for a user's own, so that a secret cannot mean something else in one of them.
import type { FaultLocation } from "@hookbus/foundation";
import type { Manifest, SealedSecret } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import { errors } from "../errors.js";
import { knownSecrets, secretFields } from "./config-schema.js";
import { type Config, isObject } from "./merge-config.js";
import type { StoredConfig } from "./repository.js";

/** What a secret property of the body asks for. */
type SecretWish = { readonly keep: true } | { readonly remove: true } | { readonly set: string };

export interface WishedConfig {
	/** Without secrets. */
	readonly config: Config;
	/** Sealed secrets that stay. */
	readonly kept: Readonly<Record<string, SealedSecret>>;
	/** Those of `kept` that the version has; the others are not checked. */
	readonly used: Readonly<Record<string, SealedSecret>>;
	/** Secrets that are set, in clear text, by field. */
	readonly set: readonly (readonly [field: string, value: string])[];
	/** Fields of secrets that go. */
	readonly removed: readonly string[];
	/** It is stored like this already. */
	readonly same: boolean;
}

/** @throws CodedError `config_invalid` */
export function wishedConfig(manifest: Manifest, before: StoredConfig, body: Config): WishedConfig {
	const { config, wishes } = split(manifest, body);
	const kept = Object.fromEntries(Object.entries(before.secrets).filter(([field]) => keeps(wishes.get(field))));
	const set = [...wishes].flatMap(([field, wish]): [string, string][] => ("set" in wish ? [[field, wish.set]] : []));
	const removed = Object.keys(before.secrets).filter(
		(field) => !Object.hasOwn(kept, field) && !set.some(([name]) => name === field),
	);
	const same =
		before.updatedAt !== null &&
		set.length === 0 &&
		removed.length === 0 &&
		canonicalJson(config) === canonicalJson(before.config);
	return { config, kept, used: knownSecrets(manifest, kept), set, removed, same };
}

/** @throws CodedError `config_invalid` when there are any */
export function refuseFaults(plugin: string, faults: readonly FaultLocation[]): void {
	const [first] = faults;
	if (first === undefined) return;
	throw errors.config_invalid(
		`${first.path || "the configuration"}: ${first.message}; GET /api/v1/plugins/${plugin}/config shows the schema`,
		{
			errors: faults,
		},
	);
}

function split(manifest: Manifest, body: Config): { config: Config; wishes: Map<string, SecretWish> } {
	const fields = secretFields(manifest);
	const wishes = new Map<string, SecretWish>();
	for (const field of fields) {
		if (Object.hasOwn(body, field)) wishes.set(field, wishOf(field, body[field]));
	}
	return { config: Object.fromEntries(Object.entries(body).filter(([field]) => !fields.has(field))), wishes };
}

function wishOf(field: string, value: unknown): SecretWish {
	if (typeof value === "string") return { set: value };
	if (value === null) return { remove: true };
	// What GET answers may be sent back as it is.
	if (isObject(value) && typeof value["set"] === "boolean" && Object.keys(value).length === 1) return { keep: true };
	throw errors.config_invalid(`/${field}: a secret is set with text, removed with null and kept with {"set": true}`, {
		errors: [{ path: `/${field}`, message: "must be text, null or {set: true}" }],
	});
}

function keeps(wish: SecretWish | undefined): boolean {
	return wish === undefined || "keep" in wish;
}
