// Changes of bindings, each checked against the plugin's schema and against mandatory bindings of the tenant.
import { ALL_ASSISTANTS, type BindingSettings } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { BINDING_FIELD_ROLES } from "../http/access-policy.js";
import { type Caller, requireRole } from "../http/authentication.js";
import { type ActivationParts, requireValidConfig } from "../plugins/require-activatable.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import {
	type BindingRow,
	type BindingValues,
	bindingsOfPlugin,
	DEFAULT_BINDING,
	deleteBinding,
	findBinding,
	saveBinding,
} from "./repository.js";
import { requireStrength } from "./require-strength.js";

export interface BindingParts extends ActivationParts {
	readonly database: Database;
}

export interface BindingPlace {
	readonly plugin: string;
	/** null: the tenant scope. */
	readonly assistant: string | null;
}

/**
 * Makes a binding (`create`) or gives it these settings, making it when it is not there (`put`).
 *
 * @throws CodedError `plugin_not_found`, `binding_exists`, `binding_invalid`, `binding_mandatory`, `config_invalid`, `role_missing`
 */
export function putBinding(
	parts: BindingParts,
	actor: Caller,
	place: BindingPlace,
	settings: BindingSettings,
	how: "create" | "put",
): Promise<Committed<BindingRow>> {
	const { tenant } = actor;
	const { plugin, assistant } = place;
	const values = valuesOf(settings);
	requireConsistent(place, values);
	return commitChange(parts.database, actor, async (queries) => {
		const installed = await requirePlugin(queries, tenant, plugin);
		const before = await findBinding(queries, tenant, plugin, assistant);
		if (before !== undefined && how === "create") {
			throw errors.binding_exists(
				`plugin ${plugin} is bound to ${scopeName(assistant)} already; change it with PUT /api/v1/assistants/${assistant ?? ALL_ASSISTANTS}/plugins/${plugin}`,
			);
		}
		await refuseOverMandatory(queries, tenant, place);
		if (before !== undefined && canonicalJson(valuesIn(before)) === canonicalJson(values))
			return { result: before, audit: undefined };
		requireStrength(actor.role, plugin, before, values);
		if (values.recordPatches === true && before?.recordPatches !== true)
			requireRole(actor, BINDING_FIELD_ROLES.recordPatches, "recordPatches: true");
		// Before it is written: a secret in the wrong place would stay in the database's log of changes, rolled back or not.
		if (values.config !== null) {
			const { manifest } = await requireCurrentVersion(queries, tenant, installed);
			const others = (await bindingsOfPlugin(queries, tenant, plugin)).filter((binding) => binding.assistant !== assistant);
			const planned = [...others, { assistant, config: values.config }];
			await requireValidConfig(queries, parts, tenant, manifest, planned);
		}
		await saveBinding(queries, tenant, plugin, assistant, values);
		const after = await findBinding(queries, tenant, plugin, assistant);
		if (after === undefined) throw new Error(`the binding of ${plugin} that was just saved is not there`);
		return { result: after, audit: auditOf(before === undefined ? "binding.create" : "binding.update", place, { ...values }) };
	});
}

/** @throws CodedError `plugin_not_found`, `binding_not_found`, `role_missing` */
export function removeBinding(
	{ database }: Pick<BindingParts, "database">,
	actor: Caller,
	place: BindingPlace,
): Promise<Committed<undefined>> {
	return commitChange(database, actor, async (queries) => {
		await requirePlugin(queries, actor.tenant, place.plugin);
		requireStrength(actor.role, place.plugin, await findBinding(queries, actor.tenant, place.plugin, place.assistant), undefined);
		if (!(await deleteBinding(queries, actor.tenant, place.plugin, place.assistant))) {
			throw errors.binding_not_found(`plugin ${place.plugin} has no binding of its own at ${scopeName(place.assistant)}`);
		}
		return { result: undefined, audit: auditOf("binding.delete", place, {}) };
	});
}

function auditOf(action: string, { plugin, assistant }: BindingPlace, values: Record<string, unknown>) {
	return { action, target: plugin, detail: { assistant: assistant ?? ALL_ASSISTANTS, ...values } };
}

function scopeName(assistant: string | null): string {
	return assistant === null ? "the tenant" : `assistant ${assistant}`;
}

function valuesOf(settings: BindingSettings): BindingValues {
	const { enabled, order, mode, onError, timeoutMs, config, percentage, optIn, recordPatches, mandatory } = settings;
	return {
		enabled: enabled ?? DEFAULT_BINDING.enabled,
		order: order ?? null,
		mode: mode ?? null,
		onError: onError ?? null,
		timeoutMs: timeoutMs ?? null,
		config: config ?? null,
		percentage: percentage ?? null,
		optIn: optIn ?? null,
		recordPatches: recordPatches ?? null,
		mandatory: mandatory ?? DEFAULT_BINDING.mandatory,
	};
}

export function valuesIn(row: BindingRow): BindingValues {
	const { enabled, order, mode, onError, timeoutMs, config, percentage, optIn, recordPatches, mandatory } = row;
	return { enabled, order, mode, onError, timeoutMs, config, percentage, optIn, recordPatches: recordPatches ?? null, mandatory };
}

function requireConsistent({ assistant }: BindingPlace, values: BindingValues): void {
	if (!values.mandatory) return;
	if (assistant !== null) {
		throw errors.binding_invalid(
			`only the tenant's binding can be mandatory; set it at /api/v1/assistants/${ALL_ASSISTANTS}/plugins`,
			{
				errors: [{ path: "/mandatory", message: "is for the tenant scope" }],
			},
		);
	}
	if (values.optIn === true) {
		throw errors.binding_invalid("a mandatory binding cannot wait for users to opt in; drop mandatory, or optIn", {
			errors: [{ path: "/mandatory", message: "contradicts optIn" }],
		});
	}
	if (!values.enabled || values.mode === "off") {
		throw errors.binding_invalid(
			"a binding cannot be mandatory and switched off; drop mandatory, or enabled: false and mode: off",
			{
				errors: [{ path: "/mandatory", message: "contradicts enabled: false and mode: off" }],
			},
		);
	}
}

/** @throws CodedError `binding_mandatory` */
export async function refuseOverMandatory(queries: Queries, tenant: string, { plugin, assistant }: BindingPlace): Promise<void> {
	if (assistant === null) return;
	const ofTenant = await findBinding(queries, tenant, plugin, null);
	if (ofTenant?.mandatory !== true) return;
	throw errors.binding_mandatory(
		`the tenant's binding of ${plugin} is mandatory, so a binding of assistant ${assistant} would not count; change the tenant's at /api/v1/assistants/${ALL_ASSISTANTS}/plugins/${plugin}`,
	);
}
