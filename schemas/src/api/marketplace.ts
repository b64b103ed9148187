// Marketplaces as REST shows them: sources, what they offer, and which installed plugins could be brought up to date.
import { type Static, Type } from "@sinclair/typebox";
import { Digest, PluginName, SemVer } from "../identifiers.js";
import { KeyId, PublicKey } from "../signing/ed25519.js";
import { ManifestNote } from "./manifest-check.js";
import { RecalledNote } from "./recall.js";
import { SignedBy } from "./trust.js";

export const SourceName = Type.String({
	pattern: "^[a-z][a-z0-9-]{0,31}$",
	description: "Name of a source in this tenant: lower case letters, digits and hyphens, starting with a letter",
});

/** `source/plugin@version`, or without a version: the newest. */
export const MarketId = Type.String({
	pattern: "^[a-z][a-z0-9-]{0,31}/[a-z][a-z0-9-]{0,63}(@[0-9A-Za-z.+-]{1,64})?$",
	description: "source/plugin@version; without @version: the newest that is no prerelease",
});

const sourceUrl = Type.String({
	pattern: "^https?://[!-~]+$",
	maxLength: 2_048,
	description: "Of the index; http only where the deployment allows it",
});

export const NewMarketplaceSource = Type.Object(
	{ name: SourceName, url: sourceUrl, publicKey: PublicKey },
	{ additionalProperties: false, $id: "NewMarketplaceSource" },
);
export type NewMarketplaceSource = Static<typeof NewMarketplaceSource>;

export const MarketplaceSource = Type.Object(
	{
		id: Type.String(),
		name: SourceName,
		url: sourceUrl,
		publicKey: PublicKey,
		keyId: KeyId,
		addedAt: Type.String({ description: "RFC 3339, UTC" }),
		addedBy: Type.String({ description: "Name of the API key that added it" }),
		title: Type.String({ description: "What the index calls itself" }),
		number: Type.Integer({ minimum: 1, description: "Of the newest index that was taken" }),
		issuedAt: Type.String({ description: "RFC 3339, UTC" }),
		expiresAt: Type.String({ description: "RFC 3339, UTC; after it nothing is installed from this source" }),
		expired: Type.Boolean(),
		fetchedAt: Type.String({ description: "RFC 3339, UTC: when this index was last seen to be the newest" }),
		lastError: Type.Optional(Type.String({ description: "Why the last attempt to fetch the index failed; absent: it did not" })),
	},
	{ additionalProperties: false, $id: "MarketplaceSource" },
);
export type MarketplaceSource = Static<typeof MarketplaceSource>;

export const MarketplaceSourceList = Type.Object(
	{ items: Type.Array(MarketplaceSource) },
	{ additionalProperties: false, $id: "MarketplaceSourceList" },
);
export type MarketplaceSourceList = Static<typeof MarketplaceSourceList>;

const offerProperties = {
	marketId: MarketId,
	source: SourceName,
	name: PluginName,
	version: SemVer,
	description: Type.String(),
	category: Type.Optional(Type.String()),
	tags: Type.Array(Type.String()),
	author: Type.Optional(Type.String()),
	downloads: Type.Optional(Type.Integer({ minimum: 0 })),
	rating: Type.Optional(Type.Number({ minimum: 0, maximum: 5 })),
	digest: Digest,
	size: Type.Integer({ minimum: 1, description: "Bytes of the package file" }),
	signedBy: Type.Optional(SignedBy),
	installed: Type.Optional(Type.String({ description: "Version of the plugin of this name that is installed" })),
	lookalikes: Type.Optional(
		Type.Array(PluginName, { description: "Installed plugins whose names look like this one and are others" }),
	),
	recalled: Type.Optional(RecalledNote),
};

export const MarketplacePlugin = Type.Object(offerProperties, { additionalProperties: false, $id: "MarketplacePlugin" });
export type MarketplacePlugin = Static<typeof MarketplacePlugin>;

export const MarketplacePage = Type.Object(
	{
		items: Type.Array(MarketplacePlugin, { description: "The newest version of each plugin, by name" }),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent: this is the last" })),
	},
	{ additionalProperties: false, $id: "MarketplacePage" },
);
export type MarketplacePage = Static<typeof MarketplacePage>;

export const MarketplaceOffer = Type.Object(
	{
		...offerProperties,
		manifest: Type.Record(Type.String(), Type.Unknown(), {
			description: "As the index says; an install checks the package's own",
		}),
		versions: Type.Array(MarketId, { description: "All that the source has, newest first" }),
	},
	{ additionalProperties: false, $id: "MarketplaceOffer" },
);
export type MarketplaceOffer = Static<typeof MarketplaceOffer>;

export const MarketplacePluginDetail = Type.Object(
	{ name: PluginName, offers: Type.Array(MarketplaceOffer, { description: "One of each source that has the plugin" }) },
	{ additionalProperties: false, $id: "MarketplacePluginDetail" },
);
export type MarketplacePluginDetail = Static<typeof MarketplacePluginDetail>;

export const PluginUpdate = Type.Object(
	{
		plugin: PluginName,
		version: SemVer,
		available: SemVer,
		marketId: MarketId,
		differences: Type.Array(ManifestNote, { description: "What the new version asks for or says that an admin has to accept" }),
		recalled: Type.Optional(RecalledNote),
	},
	{ additionalProperties: false, $id: "PluginUpdate" },
);
export type PluginUpdate = Static<typeof PluginUpdate>;

export const PluginUpdateList = Type.Object(
	{ items: Type.Array(PluginUpdate, { description: "By plugin; only plugins that came from a source" }) },
	{ additionalProperties: false, $id: "PluginUpdateList" },
);
export type PluginUpdateList = Static<typeof PluginUpdateList>;

/** Where a version came from, when it came from a marketplace. */
export const VersionOrigin = Type.Object(
	{ source: SourceName, marketId: MarketId },
	{ additionalProperties: false, $id: "VersionOrigin" },
);
export type VersionOrigin = Static<typeof VersionOrigin>;
