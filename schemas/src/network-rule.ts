// Where a plugin may send HTTP requests. A rule in a manifest is a wish; it counts when an admin granted exactly this rule.
import { type Static, Type } from "@sinclair/typebox";

export const HttpMethod = Type.Union(
	["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((name) => Type.Literal(name)),
	{ $id: "HttpMethod" },
);

/** A secret of the plugin's configuration that the host puts into each request; the plugin never sees it. */
export const SecretPlacement = Type.Object(
	{
		secret: Type.String({
			minLength: 1,
			maxLength: 64,
			description: "Property of the configuration that is marked secret: true",
		}),
		header: Type.Optional(
			Type.String({ pattern: "^[A-Za-z0-9-]{1,64}$", description: "Header that carries it; either this or query" }),
		),
		query: Type.Optional(
			Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$", description: "Query parameter that carries it; either this or header" }),
		),
		prefix: Type.Optional(Type.String({ pattern: "^[ -~]{0,32}$", description: "Text in front of it, such as 'Bearer '" })),
	},
	{ additionalProperties: false, $id: "SecretPlacement" },
);
export type SecretPlacement = Static<typeof SecretPlacement>;

export const NetworkRule = Type.Object(
	{
		host: Type.String({
			pattern: "^(\\*\\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$",
			maxLength: 253,
			description: "Lower-case DNS name, or IPv4 address; *.example.com: every name below example.com, not itself",
		}),
		scheme: Type.Optional(Type.Union([Type.Literal("https"), Type.Literal("http")], { default: "https" })),
		port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: "Default: 443 for https, 80 for http" })),
		methods: Type.Optional(Type.Array(HttpMethod, { minItems: 1, maxItems: 7, uniqueItems: true, default: ["GET"] })),
		path: Type.Optional(
			Type.String({
				pattern: "^/[!-~]*$",
				maxLength: 256,
				default: "/",
				description: "This path and everything below it: /v1 allows /v1 and /v1/users, not /v10",
			}),
		),
		secrets: Type.Optional(Type.Array(SecretPlacement, { maxItems: 4 })),
	},
	{ additionalProperties: false, $id: "NetworkRule", description: "HTTP requests that are allowed" },
);
export type NetworkRule = Static<typeof NetworkRule>;
