// Calls that are made from the access policy and the OpenAPI document, so that a route which somebody adds is called by the tests
// that walk all routes, without a line of its own here.
import { ACCESS_POLICY } from "@hookbus/control-plane";
import type { ApiRole } from "@hookbus/schemas";

export interface JsonSchema {
	readonly $ref?: string;
	readonly type?: string;
	readonly const?: unknown;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly JsonSchema[];
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly required?: readonly string[];
	readonly items?: JsonSchema;
	readonly minItems?: number;
	readonly minimum?: number;
	readonly minLength?: number;
	readonly pattern?: string;
}

export interface Operation {
	readonly operationId: string;
	readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
}

export interface OpenApiDocument {
	readonly openapi: string;
	readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
	readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Route {
	/** As in the policy, `GET /api/v1/…`. */
	readonly route: string;
	readonly method: string;
	/** With `:name` for parameters. */
	readonly path: string;
	readonly access: ApiRole;
}

/** Every route of the API that needs a key. */
export const CLOSED_ROUTES: readonly Route[] = Object.entries(ACCESS_POLICY).flatMap(([route, access]) => {
	const [method = "", path = ""] = route.split(" ");
	return access === "open" ? [] : [{ route, method, path, access }];
});

/** What stands in a path or in a body for things that there are. */
export interface Ids {
	readonly plugin: string;
	readonly assistant: string;
	readonly execution: string;
	readonly key: string;
	readonly rollout: string;
	/** Of a dead letter. */
	readonly letter: string;
	/** Of a trusted publisher's key. */
	readonly publisher: string;
	readonly recall: string;
	/** Of a marketplace. */
	readonly source: string;
	readonly recording: string;
	readonly replay: string;
}

/** Ids that nothing has, by which the others differ. */
export const NO_IDS: Ids = {
	plugin: "nowhere",
	assistant: "nowhere",
	execution: "987654321",
	key: "00000000-0000-4000-8000-00000000dead",
	rollout: "00000000-0000-4000-8000-00000001dead",
	letter: "876543219",
	publisher: "dead".repeat(16),
	recall: "00000000-0000-4000-8000-00000002dead",
	source: "00000000-0000-4000-8000-00000003dead",
	recording: "00000000-0000-4000-8000-00000004dead",
	replay: "00000000-0000-4000-8000-00000005dead",
};

/** What `:id` stands for in a path, by a part of the path; elsewhere it is an execution. */
const KINDS: readonly (readonly [part: string, kind: keyof Ids])[] = [
	["/rollouts/", "rollout"],
	["/assistants/", "assistant"],
	["/api-keys/", "key"],
	["/dead-letters/", "letter"],
	["/trusted-publishers/", "publisher"],
	["/recalls/", "recall"],
	["/marketplace/", "source"],
	["/recordings/", "recording"],
	["/replays/", "replay"],
];

/** Feeds that do not end: they are not called where an answer is waited for. */
export function isFeed({ path }: Route): boolean {
	return path.endsWith("/live");
}

/** True when the path names something that belongs to one tenant; an assistant is only a word that every tenant may use. */
export function namesOwned({ path }: Route): boolean {
	return /:(name|plugin)\b/.test(path) || (path.includes(":id") && !path.includes("/assistants/"));
}

export function pathOf({ path }: Route, ids: Ids): string {
	const kind = KINDS.find(([part]) => path.includes(part))?.[1] ?? "execution";
	return path
		.replace(/:(name|plugin)\b/, ids.plugin)
		.replace(":id", ids[kind])
		.replace(":event", "1");
}

export function operationOf(document: OpenApiDocument, { route, method, path }: Route): Operation {
	const operation = document.paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
	if (operation === undefined) throw new Error(`the OpenAPI document does not name ${route}`);
	return operation;
}

/** Schema of the JSON body; `undefined` when the route takes none. */
export function bodySchema(document: OpenApiDocument, route: Route): JsonSchema | undefined {
	return operationOf(document, route).requestBody?.content["application/json"]?.schema;
}

export function takesForm(document: OpenApiDocument, route: Route): boolean {
	return operationOf(document, route).requestBody?.content["multipart/form-data"] !== undefined;
}

/** Words of which one fits each pattern that the API has. */
const WORDS = ["sample", "1.0.0", "2099-01-01T00:00:00Z", "a".repeat(64), "00000000-0000-4000-8000-000000000000", "/sample", "*"];

/** The smallest value that a schema takes; `named` stands for properties of these names. */
export function sampleOf(document: OpenApiDocument, given: JsonSchema, named: Readonly<Record<string, unknown>> = {}): unknown {
	const schema = given.$ref === undefined ? given : (document.components.schemas[given.$ref.split("/").at(-1) ?? ""] ?? {});
	if (schema.const !== undefined) return schema.const;
	if (schema.enum !== undefined) return schema.enum[0];
	if (schema.anyOf !== undefined) return sampleOf(document, schema.anyOf[0] ?? {}, named);
	switch (schema.type) {
		case "object":
			return Object.fromEntries(
				(schema.required ?? []).map((name) => [
					name,
					name in named ? named[name] : sampleOf(document, schema.properties?.[name] ?? {}, named),
				]),
			);
		case "array":
			return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(document, schema.items ?? {}, named));
		case "string": {
			const pattern = new RegExp(schema.pattern ?? "");
			return WORDS.find((word) => pattern.test(word)) ?? "sample".padEnd(schema.minLength ?? 0, "x");
		}
		case "integer":
		case "number":
			return schema.minimum ?? 1;
		case "boolean":
			return true;
		default:
			return {};
	}
}
