// Problem details (RFC 9457), the one shape of every error on HTTP and on the bus.
import { type Static, Type } from "@sinclair/typebox";

/** Media type of a problem document on HTTP. */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

export const Problem = Type.Object(
	{
		type: Type.String({ description: "URI of the error's page; urn:hookbus:problem:<code>" }),
		title: Type.String({ description: "The error in a few words, the same for every occurrence" }),
		status: Type.Integer({ minimum: 400, maximum: 599, description: "HTTP status, also on the bus" }),
		code: Type.String({ pattern: "^[a-z][a-z0-9_]*$", description: "Stable code for programs" }),
		detail: Type.String({ description: "This occurrence: the thing, the value, the way out" }),
		instance: Type.Optional(Type.String({ description: "Id of the request or of the event" })),
		errors: Type.Optional(
			Type.Array(
				Type.Object({
					path: Type.String({ description: "JSON Pointer, or the entry of an archive" }),
					message: Type.String(),
				}),
				{ description: "Each thing that is wrong, and where" },
			),
		),
	},
	{ $id: "Problem", description: "Problem details, RFC 9457" },
);
export type Problem = Static<typeof Problem>;

/** The `type` URI of a code. */
export function problemType(code: string): string {
	return `urn:hookbus:problem:${code}`;
}
