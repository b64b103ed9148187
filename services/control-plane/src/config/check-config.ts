// Checks configurations against a plugin's JSON Schema before anything changes: the global one, what each binding makes of it, and
// what each user's own makes of all of those. Secrets are opened for the check only, and nothing that is said about them repeats a value.
import { CodedError, type FaultLocation, type SecretOpener } from "@hookbus/foundation";
import { ALL_ASSISTANTS, type Manifest, type SealedSecret } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import type { SchemaFault } from "../checks/check-messages.js";
import type { CheckThreads } from "../checks/check-threads.js";
import { escapeToken } from "../checks/json-schema-faults.js";
import { errors } from "../errors.js";
import type { RoutingBinding } from "../routing/routing-input.js";
import { effectiveConfig, fieldsBeyondUsers, secretFields } from "./config-schema.js";
import type { Config } from "./merge-config.js";

/** Milliseconds for all checks of one change, and for each configuration among them on top. */
const CHECK_MS = 2_000;
const EACH_MS = 1;

export interface CheckedConfig {
	readonly manifest: Manifest;
	readonly config: Config;
	/** Opened secrets by field. */
	readonly secrets: Readonly<Record<string, string>>;
	readonly bindings: readonly Pick<RoutingBinding, "assistant" | "config">[];
	/** Users with a configuration of their own; absent: none. */
	readonly users?: readonly CheckedUser[];
	/** True: only what is wrong with users' own is told, and when nothing can be checked. Absent: everything. */
	readonly usersOnly?: boolean;
}

export interface CheckedUser {
	readonly user: string;
	readonly config: Config;
	/** Opened secrets by field. */
	readonly secrets: Readonly<Record<string, string>>;
	/** Fields with a secret, the user's own or everybody's, that cannot be opened: it is there, and nothing is said about it. */
	readonly unknown?: readonly string[];
}

/** Everything wrong with the global configuration, with the bindings' overrides and with users' own; never a secret's value. */
export async function configFaults(
	{ manifest, config, secrets, bindings, users = [], usersOnly = false }: CheckedConfig,
	threads: CheckThreads,
): Promise<FaultLocation[]> {
	const ofAll = (faults: readonly FaultLocation[]) => (usersOnly ? [] : faults);
	const overrides = bindings.filter((binding) => binding.config !== null && Object.keys(binding.config).length > 0);
	const secret = secretFields(manifest);
	const inBindings = overrides.flatMap(({ assistant, config: override }) =>
		Object.keys(override ?? {})
			.filter((field) => secret.has(field))
			.map((field) => ({
				path: `${scopePath(assistant)}/${field}`,
				message: "is a secret; secrets are set in the plugin's global configuration",
			})),
	);
	const misplaced = [...ofAll(inBindings), ...users.flatMap((own) => misplacedOf(own, manifest))];
	if (misplaced.length > 0) return misplaced;
	if (manifest.config === undefined) {
		const undeclared = (path: string) => ({ path, message: "the plugin declares no configuration" });
		const everybodys = [
			...Object.keys(config).map((field) => `/${field}`),
			...overrides.map(({ assistant }) => scopePath(assistant)),
		];
		const usersOwn = users.filter((own) => Object.keys(own.config).length > 0).map(({ user }) => userPath(user));
		return [...ofAll(everybodys.map(undeclared)), ...usersOwn.map(undeclared)];
	}
	const checks = checksOf({ manifest, config, secrets, bindings: overrides, users });
	const values = checks.map(({ value }) => value);
	const checkMs = CHECK_MS + EACH_MS * values.length;
	const checked = await threads.run({ type: "validate", schema: manifest.config, values }, checkMs);
	if (!checked.ok)
		return [{ path: "", message: `the configuration cannot be checked against the plugin's schema: ${checked.why}` }];
	const { faults } = checked.answer;
	const known = new Set(faults.map((fault) => `${fault.index} ${fault.keyword} ${fault.path}`));
	const own = faults.filter(({ index, keyword, path }) => {
		const { of } = checks[index] ?? {};
		if (of === undefined) return !usersOnly;
		if (isUnknown(of.user, path)) return false;
		return isOwn(of.user, path) || !known.has(`${of.without} ${keyword} ${path}`);
	});
	return own.map((fault) => ({
		path: `${checks[fault.index]?.at ?? ""}${fault.path}`,
		message: messageOf(fault, secret),
	}));
}

interface Check {
	/** JSON Pointer that says whose configuration it is. */
	readonly at: string;
	readonly value: Config;
	/** Whose own is in it, and the index of the same without; absent: nobody's. */
	readonly of?: { readonly user: CheckedUser; readonly without: number };
}

/** What is wrong without the user's own configuration as well is no fault of the user's, unless the user says something about it. */
function isOwn({ config, secrets }: CheckedUser, path: string): boolean {
	const field = fieldOf(path);
	return Object.hasOwn(config, field) || Object.hasOwn(secrets, field);
}

/** What was checked there stands for a secret that could not be opened. */
function isUnknown({ secrets, unknown = [] }: CheckedUser, path: string): boolean {
	const field = fieldOf(path);
	return unknown.includes(field) && !Object.hasOwn(secrets, field);
}

function fieldOf(path: string): string {
	return (path.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Everybody's configuration, that of each binding, and of both that of each user. Overrides that are the same are checked once. */
function checksOf({ manifest, config, secrets, bindings, users = [] }: CheckedConfig): Check[] {
	const overrides = [undefined, ...bindings.map((binding) => binding.config ?? undefined)];
	const checks: Check[] = overrides.map((override, index) => ({
		at: index === 0 ? "" : scopePath(bindings[index - 1]?.assistant ?? null),
		value: { ...effectiveConfig(manifest, config, override), ...secrets },
	}));
	const seen = new Set<string>();
	const different = overrides.flatMap((override, index) => {
		const text = canonicalJson(override ?? {});
		if (seen.has(text)) return [];
		seen.add(text);
		return [{ override, index }];
	});
	for (const user of users) {
		// Something has to be there, or the schema would miss what is.
		const unknown = Object.fromEntries((user.unknown ?? []).map((field) => [field, ""]));
		for (const { override, index } of different) {
			checks.push({
				at: `${userPath(user.user)}${checks[index]?.at}`,
				value: { ...effectiveConfig(manifest, config, override, user.config), ...secrets, ...unknown, ...user.secrets },
				of: { user, without: index },
			});
		}
	}
	return checks;
}

function misplacedOf({ user, config, secrets }: CheckedUser, manifest: Manifest): FaultLocation[] {
	const secret = secretFields(manifest);
	const beyond = fieldsBeyondUsers(manifest);
	const path = (field: string) => `${userPath(user)}/${escapeToken(field)}`;
	return [
		...Object.keys(config)
			.filter((field) => secret.has(field))
			.map((field) => ({ path: path(field), message: "is a secret in this version; it has to be set again, as one" })),
		...[...Object.keys(config), ...Object.keys(secrets)]
			.filter((field) => beyond.has(field))
			.map((field) => ({ path: path(field), message: "is not for users: its schema says userScope: false" })),
	];
}

/** What cfworker says repeats parts of the schema and, for some keywords, of the value. */
function messageOf(fault: SchemaFault, secret: ReadonlySet<string>): string {
	const field = fault.path.split("/")[1];
	return field !== undefined && secret.has(field) ? `the secret does not fit its schema (${fault.keyword})` : fault.message;
}

function scopePath(assistant: string | null): string {
	return `/assistants/${assistant ?? ALL_ASSISTANTS}`;
}

function userPath(user: string): string {
	return `/users/${escapeToken(user)}`;
}

export interface ReadableSecrets {
	/** Opened secrets by field. */
	readonly secrets: Readonly<Record<string, string>>;
	/** Fields of those that cannot be opened. */
	readonly unknown: readonly string[];
}

/**
 * Opens the stored secrets of a plugin, for a check that may leave out those that were sealed with a key that is not here.
 *
 * @param user whose own they are; absent: everybody's
 */
export async function openReadable(
	box: SecretOpener,
	tenant: string,
	plugin: string,
	secrets: Readonly<Record<string, SealedSecret>>,
	user?: string,
): Promise<ReadableSecrets> {
	const opened: [string, string][] = [];
	const unknown: string[] = [];
	for (const [field, sealed] of Object.entries(secrets)) {
		try {
			opened.push(...Object.entries(await openSecrets(box, tenant, plugin, { [field]: sealed }, user)));
		} catch (thrown) {
			if (!(thrown instanceof CodedError) || thrown.code !== "secret_unreadable") throw thrown;
			unknown.push(field);
		}
	}
	return { secrets: Object.fromEntries(opened), unknown };
}

/**
 * Opens the stored secrets of a plugin, for a check.
 *
 * @param user whose own they are; absent: everybody's
 * @throws CodedError `secret_unreadable` when one was sealed with a key that is not here
 */
export async function openSecrets(
	box: SecretOpener,
	tenant: string,
	plugin: string,
	secrets: Readonly<Record<string, SealedSecret>>,
	user?: string,
): Promise<Record<string, string>> {
	const whose = user === undefined ? {} : { user };
	const opened: [string, string][] = [];
	for (const [field, sealed] of Object.entries(secrets)) {
		try {
			opened.push([field, await box.open(sealed, { tenant, plugin, field, ...whose })]);
		} catch (thrown) {
			throw errors.secret_unreadable(
				`secret ${field}${user === undefined ? "" : ` of user ${user}`} of plugin ${plugin} was sealed with another master key; set HOOKBUS_MASTER_KEY_PREVIOUS to that one, ${waysOut(plugin, user)}`,
				{ cause: thrown },
			);
		}
	}
	return Object.fromEntries(opened);
}

function waysOut(plugin: string, user: string | undefined): string {
	const config = `/api/v1/plugins/${plugin}/config`;
	if (user === undefined) return `or set the secret again with PUT ${config}`;
	const own = `${config}?user=${encodeURIComponent(user)}`;
	return `set the secret again with PUT ${own}, or remove what the user has as their own with DELETE ${own}`;
}
