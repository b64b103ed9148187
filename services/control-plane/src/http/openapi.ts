// The OpenAPI 3.1 document, made from the schemas of the routes, and a page to browse it that needs nothing from outside.
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance, FastifySchema } from "fastify";

/** Carries a schema's name through the generator, which drops `$id`. */
const NAME = "x-hookbus-name";

/** Must be registered before the routes that it documents. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
	await app.register(swagger, {
		openapi: {
			openapi: "3.1.0",
			info: {
				title: "Hookbus control plane",
				version,
				description:
					"Installs, grants, enables, configures, assigns and measures the plugins of the hook bus. " +
					"Every error is a problem document (RFC 9457) with a stable code; services/control-plane/ERRORS.md lists them. " +
					"An unsafe call with the header Idempotency-Key (1–255 printable characters, kept for 24 hours) has its effect once: the " +
					"same call again gets the same answer, with Idempotency-Replayed, or 409 when it took effect and its answer was lost with the " +
					"service; uploads need none, the same package again changes nothing. " +
					"What is read of a plugin, its configuration, bindings and what is trusted has an ETag; sent back as If-Match with a change, it makes the " +
					"change fail with 412 when somebody else was faster. Too many requests are answered with 429 and Retry-After.",
			},
			components: {
				securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "API key, hbk_…" } },
			},
			security: [{ apiKey: [] }],
		},
		transform: ({ schema, url }) => ({ schema: renameIds(schema) as FastifySchema, url }),
		transformObject: (documented) => {
			const document = "openapiObject" in documented ? documented.openapiObject : documented.swaggerObject;
			return shareSchemas(document as Record<string, unknown>) as typeof document;
		},
	});
	await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
	app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}

/** A copy with every `$id` under another keyword. */
function renameIds(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(renameIds);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key === "$id" ? NAME : key, renameIds(inner)]));
}

/** Moves every named schema to the components, so that each shape stands once. */
function shareSchemas(document: Record<string, unknown>): Record<string, unknown> {
	const shared = new Map<string, unknown>();
	const share = (value: unknown): unknown => {
		if (Array.isArray(value)) return value.map(share);
		if (typeof value !== "object" || value === null) return value;
		const { [NAME]: name, ...schema } = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, share(inner)]));
		if (typeof name !== "string") return schema;
		shared.set(name, schema);
		return { $ref: `#/components/schemas/${name}` };
	};
	const rest = share(document) as Record<string, unknown>;
	const components = rest["components"] as Record<string, unknown>;
	const schemas = Object.fromEntries([...shared].sort(([a], [b]) => (a < b ? -1 : 1)));
	return { ...rest, components: { ...components, schemas } };
}
