// The keys of secrets as REST shows them: what they still have to be moved to, and how far a rotation is. No key is in it.
import { type Static, Type } from "@sinclair/typebox";

const MasterKeyId = Type.String({ description: "First 16 hex digits of the SHA-256 of a master key" });

export const KeyRotation = Type.Object(
	{
		state: Type.Union([Type.Literal("running"), Type.Literal("ended")], {
			description: "ended: nothing more is done by itself; left says whether it has to be started again",
		}),
		dataKeys: Type.Boolean({ description: "New data keys were asked for" }),
		startedAt: Type.String({ description: "RFC 3339, UTC" }),
		endedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC" })),
		tenants: Type.Object({ done: Type.Integer({ minimum: 0 }), all: Type.Integer({ minimum: 0 }) }),
		failures: Type.Array(Type.Object({ tenant: Type.String(), message: Type.String() }), {
			description: "Tenants whose keys could not be rotated; at most 20",
		}),
	},
	{ $id: "KeyRotation", description: "The rotation that this control plane ran last" },
);
export type KeyRotation = Static<typeof KeyRotation>;

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const KeyStatus = Type.Object(
	{
		masterKey: MasterKeyId,
		previousMasterKey: Type.Optional(MasterKeyId),
		dataKeys: count("Data keys of all tenants"),
		done: Type.Boolean({ description: "Nothing is left: no other master key is needed" }),
		left: Type.Object(
			{
				dataKeys: count("Data keys that another master key wrapped"),
				values: count("Secrets that another than their tenant's current data key sealed"),
				retiredKeys: count("Data keys that were replaced and are not deleted yet"),
				tables: count("Tenants whose newest route table holds something of these, or is not on the bus yet"),
				runtimes: Type.Array(Type.String(), {
					description:
						"Runtimes that have not taken the newest route table of a tenant with keys; with * it is not known which run",
				}),
				tenants: Type.Array(Type.String(), { description: "Whose keys and secrets these are; at most 100" }),
			},
			{ description: "What a rotation still has to do" },
		),
		unreadable: count("Secrets whose key nobody here has; no rotation can help them, they have to be set again"),
		rotation: Type.Optional(KeyRotation),
	},
	{ $id: "KeyStatus" },
);
export type KeyStatus = Static<typeof KeyStatus>;

export const NewKeyRotation = Type.Object(
	{
		dataKeys: Type.Optional(
			Type.Boolean({
				description:
					"Make a new data key for each tenant and seal everything with it; absent: only what other keys wrapped or sealed",
			}),
		),
	},
	{ additionalProperties: false, $id: "NewKeyRotation" },
);
export type NewKeyRotation = Static<typeof NewKeyRotation>;
