// Sets the configuration that a binding lays over its plugin's, and nothing else of the binding. Who makes the binding decides whether
// the plugin runs there at all; that is not decided here by the way.
import { ALL_ASSISTANTS } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import type { Config } from "../config/merge-config.js";
import { errors } from "../errors.js";
import type { Caller } from "../http/authentication.js";
import { requireValidConfig } from "../plugins/require-activatable.js";
import { requireCurrentVersion, requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import { type BindingParts, type BindingPlace, refuseOverMandatory, valuesIn } from "./change-binding.js";
import { bindingsOfPlugin, findBinding, saveBinding } from "./repository.js";

/** @throws CodedError `plugin_not_found`, `binding_not_found`, `binding_mandatory`, `config_invalid`, `secret_unreadable` */
export function changeBindingConfig(
	parts: BindingParts,
	actor: Caller,
	place: BindingPlace,
	config: Config,
): Promise<Committed<undefined>> {
	const { tenant } = actor;
	const { plugin, assistant } = place;
	return commitChange(parts.database, actor, async (queries) => {
		const installed = await requirePlugin(queries, tenant, plugin);
		await refuseOverMandatory(queries, tenant, place);
		const before = await findBinding(queries, tenant, plugin, assistant);
		const id = assistant ?? ALL_ASSISTANTS;
		if (before === undefined) {
			throw errors.binding_not_found(
				`plugin ${plugin} has no binding of its own at ${id}, which could have a configuration; make one with POST /api/v1/assistants/${id}/plugins`,
			);
		}
		if (before.config !== null && canonicalJson(before.config) === canonicalJson(config)) {
			return { result: undefined, audit: undefined };
		}
		// Before it is written: a secret in the wrong place would stay in the database's log of changes, rolled back or not.
		const { manifest } = await requireCurrentVersion(queries, tenant, installed);
		const others = (await bindingsOfPlugin(queries, tenant, plugin)).filter((binding) => binding.assistant !== assistant);
		await requireValidConfig(queries, parts, tenant, manifest, [...others, { assistant, config }]);
		await saveBinding(queries, tenant, plugin, assistant, { ...valuesIn(before), config });
		const detail = { assistant: id, before: before.config, after: config };
		return { result: undefined, audit: { action: "binding.config", target: plugin, detail } };
	});
}
