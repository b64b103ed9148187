// REST: a plugin's global configuration.
import { PluginConfig, PluginConfigBody, PluginConfigChange, PluginName, WaitQuery } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import { type ConfigParts, changeConfig, readConfig } from "./change-config.js";

const NameParams = Type.Object({ name: PluginName });

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
				summary: "Show a plugin's configuration; of a secret only whether it is set",
				params: NameParams,
				response: answers(PluginConfig),
			},
		},
		(request) => readConfig(parts.database, callerOf(request).tenant, request.params.name),
	);

	app.put(
		"/api/v1/plugins/:name/config",
		{
			schema: {
				tags,
				operationId: "setConfig",
				summary: "Set a plugin's whole configuration; it is checked against the plugin's schema before anything changes",
				params: NameParams,
				querystring: WaitQuery,
				body: PluginConfigBody,
				response: answers(PluginConfigChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { result, revision } = await changeConfig(parts, caller, name, request.body.config);
			return { ...result, ...(await parts.answerChange({ tenant: caller.tenant, revision, plugin: name }, request.query)) };
		},
	);
}
