// Users who opted in to a binding, over REST.
import { type Static, Type } from "@sinclair/typebox";

/** As events carry it: 1–128 characters without control characters. */
export const UserId = Type.String({
	pattern: "^[^\\u0000-\\u001f\\u007f]{1,128}$",
	description: "Pseudonymous id of a user, as events carry it",
});

export const OptIn = Type.Object(
	{
		user: UserId,
		by: Type.String({ description: "Name of the API key" }),
		at: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ additionalProperties: false, $id: "OptIn" },
);
export type OptIn = Static<typeof OptIn>;

export const OptInList = Type.Object({ items: Type.Array(OptIn) }, { additionalProperties: false, $id: "OptInList" });
export type OptInList = Static<typeof OptInList>;
