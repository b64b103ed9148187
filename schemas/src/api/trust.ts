// Whom a tenant trusts, as REST shows it: publishers' keys, and whether a package needs a signature at all.
import { type Static, Type } from "@sinclair/typebox";
import { PluginName, SemVer } from "../identifiers.js";
import { KeyId, PublicKey } from "../signing/ed25519.js";

const publisherName = Type.String({ minLength: 1, maxLength: 100, description: "Who holds the key, for people" });

export const NewPublisher = Type.Object(
	{ name: publisherName, publicKey: PublicKey },
	{ additionalProperties: false, $id: "NewPublisher" },
);
export type NewPublisher = Static<typeof NewPublisher>;

export const TrustedPublisher = Type.Object(
	{
		keyId: KeyId,
		name: publisherName,
		publicKey: PublicKey,
		addedAt: Type.String({ description: "RFC 3339, UTC" }),
		addedBy: Type.String({ description: "Name of the API key that added it" }),
	},
	{ additionalProperties: false, $id: "TrustedPublisher" },
);
export type TrustedPublisher = Static<typeof TrustedPublisher>;

export const TrustedPublisherList = Type.Object(
	{ items: Type.Array(TrustedPublisher) },
	{ additionalProperties: false, $id: "TrustedPublisherList" },
);
export type TrustedPublisherList = Static<typeof TrustedPublisherList>;

export const TrustPolicyBody = Type.Object(
	{
		requireSignature: Type.Boolean({
			description: "true: only packages with the signature of a trusted publisher are installed and enabled",
		}),
	},
	{ additionalProperties: false, $id: "TrustPolicyBody" },
);
export type TrustPolicyBody = Static<typeof TrustPolicyBody>;

export const TrustPolicy = Type.Object(
	{
		requireSignature: Type.Boolean(),
		changedAt: Type.Optional(Type.String({ description: "RFC 3339, UTC; absent: never, so it is as it begins: false" })),
		changedBy: Type.Optional(Type.String({ description: "Name of the API key that changed it" })),
		unverified: Type.Array(Type.Object({ plugin: PluginName, version: SemVer }, { additionalProperties: false }), {
			description:
				"Installed plugins whose current version has no signature of a trusted publisher. They stay as they are; with requireSignature they cannot be enabled again",
		}),
	},
	{ additionalProperties: false, $id: "TrustPolicy" },
);
export type TrustPolicy = Static<typeof TrustPolicy>;

/** Who signed a version, when somebody did. */
export const SignedBy = Type.Object(
	{
		keyId: KeyId,
		name: Type.Optional(Type.String({ description: "Absent: the key is not trusted any more" })),
	},
	{ additionalProperties: false, $id: "SignedBy" },
);
export type SignedBy = Static<typeof SignedBy>;

export const PublisherPinBody = Type.Object(
	{
		keyId: Type.Union([KeyId, Type.Null()], {
			description:
				"The trusted publisher whose packages are this plugin from now on; null: the next signed package says whose it is",
		}),
	},
	{ additionalProperties: false, $id: "PublisherPinBody" },
);
export type PublisherPinBody = Static<typeof PublisherPinBody>;
