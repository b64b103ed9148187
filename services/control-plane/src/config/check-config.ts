// Checks configurations against a plugin's JSON Schema before anything changes: the global one and what each binding makes
// of it. Secrets are opened for the check only, and nothing that is said about them repeats a value.
import type { FaultLocation, SecretOpener } from "@hookbus/foundation";
import { ALL_ASSISTANTS, type Manifest, type SealedSecret } from "@hookbus/schemas";
import type { SchemaFault } from "../checks/check-messages.js";
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";
import type { RoutingBinding } from "../routing/routing-input.js";
import { effectiveConfig, secretFields } from "./config-schema.js";
import type { Config } from "./merge-config.js";

/** Milliseconds for all checks of one change; the tenant is locked meanwhile. */
const CHECK_MS = 2_000;

export interface CheckedConfig {
	readonly manifest: Manifest;
	readonly config: Config;
	/** Opened secrets by field. */
	readonly secrets: Readonly<Record<string, string>>;
	readonly bindings: readonly Pick<RoutingBinding, "assistant" | "config">[];
}

/** Everything wrong with the global configuration and with the bindings' overrides; never a secret's value. */
export async function configFaults(
	{ manifest, config, secrets, bindings }: CheckedConfig,
	threads: CheckThreads,
): Promise<FaultLocation[]> {
	const overrides = bindings.filter((binding) => binding.config !== null && Object.keys(binding.config).length > 0);
	const secret = secretFields(manifest);
	const misplaced = overrides.flatMap(({ assistant, config: override }) =>
		Object.keys(override ?? {})
			.filter((field) => secret.has(field))
			.map((field) => ({
				path: `${scopePath(assistant)}/${field}`,
				message: "is a secret; secrets are set in the plugin's global configuration",
			})),
	);
	if (misplaced.length > 0) return misplaced;
	if (manifest.config === undefined) {
		const extra = Object.keys(config).map((field) => ({ path: `/${field}`, message: "the plugin declares no configuration" }));
		return [
			...extra,
			...overrides.map(({ assistant }) => ({ path: scopePath(assistant), message: "the plugin declares no configuration" })),
		];
	}
	const scopes = ["", ...overrides.map(({ assistant }) => scopePath(assistant))];
	const values = [undefined, ...overrides.map((binding) => binding.config ?? undefined)].map((override) => ({
		...effectiveConfig(manifest, config, override),
		...secrets,
	}));
	const checked = await threads.run({ type: "validate", schema: manifest.config, values }, CHECK_MS);
	if (!checked.ok)
		return [{ path: "", message: `the configuration cannot be checked against the plugin's schema: ${checked.why}` }];
	return checked.answer.faults.map((fault) => ({
		path: `${scopes[fault.index] ?? ""}${fault.path}`,
		message: messageOf(fault, secret),
	}));
}

/** What cfworker says repeats parts of the schema and, for some keywords, of the value. */
function messageOf(fault: SchemaFault, secret: ReadonlySet<string>): string {
	const field = fault.path.split("/")[1];
	return field !== undefined && secret.has(field) ? `the secret does not fit its schema (${fault.keyword})` : fault.message;
}

function scopePath(assistant: string | null): string {
	return `/assistants/${assistant ?? ALL_ASSISTANTS}`;
}

/**
 * Opens the stored secrets of a plugin, for a check.
 *
 * @throws CodedError `secret_unreadable` when one was sealed with a key that is not here
 */
export async function openSecrets(
	box: SecretOpener,
	tenant: string,
	plugin: string,
	secrets: Readonly<Record<string, SealedSecret>>,
): Promise<Record<string, string>> {
	const opened: [string, string][] = [];
	for (const [field, sealed] of Object.entries(secrets)) {
		try {
			opened.push([field, await box.open(sealed, { tenant, plugin, field })]);
		} catch (thrown) {
			throw errors.secret_unreadable(
				`secret ${field} of plugin ${plugin} was sealed with another master key; set HOOKBUS_MASTER_KEY_PREVIOUS to that one, or set the secret again with PUT /api/v1/plugins/${plugin}/config`,
				{ cause: thrown },
			);
		}
	}
	return Object.fromEntries(opened);
}
