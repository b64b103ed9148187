// Grammar of every name that becomes part of a NATS subject, a key or a path. A name that could hold a dot, a
// wildcard or white space would let one tenant address another's subjects, so all of them are checked here and nowhere else.
import { type Static, Type } from "@sinclair/typebox";

/** One NATS subject token: 1–64 characters of `A–Z a–z 0–9 _ -`. Used for tenants and assistants. */
export const SubjectToken = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description: "One NATS subject token" });

/** Plugin name inside a tenant: 1–64 characters, lower case, starts with a letter. */
export const PluginName = Type.String({
	pattern: "^[a-z][a-z0-9-]{0,63}$",
	description: "Plugin name, unique inside a tenant: lower case letters, digits and hyphens, starting with a letter",
});

/** SHA-256 in lower-case hex; the identity of a plugin version. */
export const Digest = Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256, 64 lower-case hex digits" });
export type Digest = Static<typeof Digest>;

/** Semantic version 2.0.0 (semver.org), without a leading `v`. */
export const SemVer = Type.String({
	pattern: "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$",
	maxLength: 64,
	description: "Semantic version 2.0.0, without a leading v",
});

/** Identifier that a chat service chooses (event, conversation, user): 1–128 printable ASCII characters without spaces. */
export const ExternalId = Type.String({ pattern: "^[!-~]{1,128}$", description: "1–128 printable ASCII characters, no spaces" });

/** Tool name as OpenAI, Anthropic and MCP accept it. */
export const ToolName = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description: "Tool name: 1–64 of A–Z a–z 0–9 _ -" });

/** JSON Pointer (RFC 6901) into an event's `data`; the empty string is the whole of it. */
export const JsonPointer = Type.String({
	pattern: "^(/([^~/]|~[01])*)*$",
	maxLength: 256,
	description: "JSON Pointer (RFC 6901) into the event's data",
});

const tokenPattern = new RegExp(SubjectToken.pattern as string);

const externalIdPattern = new RegExp(ExternalId.pattern as string);

/** True when the value is an id as callers give them. */
export function isExternalId(value: unknown): value is string {
	return typeof value === "string" && externalIdPattern.test(value);
}

/** True when the value may stand as one token in a subject (tenant, assistant). */
export function isSubjectToken(value: string): boolean {
	return tokenPattern.test(value);
}
