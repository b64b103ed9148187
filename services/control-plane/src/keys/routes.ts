// REST: how the keys of secrets stand, and their rotation. Only admins of the tenant `default` may: it is about all tenants.
import { KeyRotation as KeyRotationSchema, KeyStatus, NewKeyRotation } from "@hookbus/schemas";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { callerOf } from "../http/authentication.js";
import type { KeyRotation } from "./key-rotation.js";
import { type KeyStatusParts, readKeyStatus } from "./key-status.js";

export interface KeyRoutesParts extends KeyStatusParts {
	readonly keyRotation: KeyRotation;
}

export function addKeyRoutes(app: App, parts: KeyRoutesParts): void {
	const tags = ["keys"];

	app.get(
		"/api/v1/keys",
		{
			schema: {
				tags,
				operationId: "showKeys",
				summary: "Show how the keys of secrets stand and what a rotation has left; for admins of the tenant default",
				response: answers(KeyStatus),
			},
		},
		() => readKeyStatus(parts, parts.keyRotation.last),
	);

	app.post(
		"/api/v1/keys/rotate",
		{
			schema: {
				tags,
				operationId: "rotateKeys",
				summary:
					"Wrap data keys with the current master key and seal secrets with the current data keys, in the background; for admins of the tenant default",
				body: NewKeyRotation,
				response: { ...answers(KeyRotationSchema), 202: KeyRotationSchema },
			},
		},
		async (request, reply) => reply.code(202).send(parts.keyRotation.start(callerOf(request), request.body)),
	);
}
