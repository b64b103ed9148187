// REST: a plugin's configuration: of everybody, of an assistant's binding, of a user.
import {
	ALL_ASSISTANTS,
	ConfigChangeQuery,
	ConfigQuery,
	PluginConfig,
	PluginConfigBody,
	PluginConfigChange,
	PluginName,
	UserId,
	WaitQuery,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import { changeBindingConfig } from "../bindings/change-binding-config.js";
import { errors } from "../errors.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { type Caller, callerOf } from "../http/authentication.js";
import { changeUserConfig, removeUserConfig } from "../user-configs/change-user-config.js";
import { type ConfigParts, changeConfig } from "./change-config.js";
import type { Config } from "./merge-config.js";
import { readConfig } from "./read-config.js";

const NameParams = Type.Object({ name: PluginName });
const RemovalQuery = Type.Object(
	{ user: Type.Optional(UserId), ...WaitQuery.properties },
	{ additionalProperties: false, description: "user: whose own configuration is removed; it has to be named" },
);

export interface ConfigRoutesParts extends ConfigParts {
	readonly answerChange: AnswerChange;
}

export function addConfigRoutes(app: App, parts: ConfigRoutesParts): void {
	const tags = ["configuration"];

	app.get(
		"/api/v1/plugins/:name/config",
		{
			schema: {
				tags,
				operationId: "getConfig",
				summary:
					"Show a plugin's configuration as it counts in a scope, each value with where it comes from; of a secret only whether it is set",
				params: NameParams,
				querystring: ConfigQuery,
				response: answers(PluginConfig),
			},
		},
		(request) => readConfig(parts.database, callerOf(request).tenant, request.params.name, request.query),
	);

	app.put(
		"/api/v1/plugins/:name/config",
		{
			schema: {
				tags,
				operationId: "setConfig",
				summary:
					"Set a plugin's whole configuration, of everybody, of a binding or of a user; it is checked against the plugin's schema before anything changes",
				params: NameParams,
				querystring: ConfigChangeQuery,
				body: PluginConfigBody,
				response: answers(PluginConfigChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { user } = request.query;
			const { result, revision } = await changeScope(parts, caller, name, request.query, request.body.config);
			const whose = user === undefined ? {} : { user };
			const change = await parts.answerChange({ tenant: caller.tenant, revision, plugin: name, ...whose }, request.query);
			return { ...result, ...change };
		},
	);

	app.delete(
		"/api/v1/plugins/:name/config",
		{
			schema: {
				tags,
				operationId: "removeUserConfig",
				summary: "Remove what a user has of a plugin's configuration as their own; everybody's counts for them again",
				params: NameParams,
				querystring: RemovalQuery,
				response: answers(PluginConfigChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { result, revision } = await removeUserConfig(parts, caller, name, request.query.user);
			const change = await parts.answerChange({ tenant: caller.tenant, revision, plugin: name }, request.query);
			return { ...result, ...change };
		},
	);
}

async function changeScope(
	parts: ConfigParts,
	caller: Caller,
	plugin: string,
	{ assistant, user }: ConfigQuery,
	config: Config,
): Promise<{ readonly result: PluginConfig; readonly revision: number }> {
	if (assistant !== undefined && user !== undefined) {
		throw errors.request_invalid(
			"what a user has as their own counts at every assistant; set it with ?user= alone, or the assistant's with ?assistant= alone",
			{ errors: [{ path: "/querystring", message: "names both assistant and user" }] },
		);
	}
	if (user !== undefined) return await changeUserConfig(parts, caller, plugin, user, config);
	if (assistant === undefined) return await changeConfig(parts, caller, plugin, config);
	const place = { plugin, assistant: assistant === ALL_ASSISTANTS ? null : assistant };
	const { revision } = await changeBindingConfig(parts, caller, place, config);
	return { result: await readConfig(parts.database, caller.tenant, plugin, { assistant }), revision };
}
