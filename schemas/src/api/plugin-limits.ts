// Limits of an installed plugin over REST: what an admin sets over the manifest's, and what counts in the end.
import { type Static, type TInteger, type TNumber, type TOptional, Type } from "@sinclair/typebox";
import { EffectiveLimits, PluginLimits } from "../manifest.js";
import { changeProperties } from "./change.js";

/** The limit without its default: one that is left out is the manifest's, and must not be filled in. */
function setting<Limit extends TInteger | TNumber>(limit: TOptional<Limit>) {
	const { default: _manifests, ...bare } = Type.Optional(limit, false);
	return Type.Optional(Type.Union([bare as unknown as Limit, Type.Null()]));
}

const { properties } = PluginLimits;

export const LimitsBody = Type.Object(
	{
		timeoutMs: setting(properties.timeoutMs),
		memoryPages: setting(properties.memoryPages),
		outputBytes: setting(properties.outputBytes),
		concurrency: setting(properties.concurrency),
		stateBytes: setting(properties.stateBytes),
		fileBytes: setting(properties.fileBytes),
		ratePerMinute: setting(properties.ratePerMinute),
		costPerDay: setting(properties.costPerDay),
	},
	{
		additionalProperties: false,
		$id: "LimitsBody",
		description: "All limits that are set from now on; null or absent: the manifest's, or else the default",
	},
);
export type LimitsBody = Static<typeof LimitsBody>;

export const LimitSource = Type.Union([Type.Literal("default"), Type.Literal("manifest"), Type.Literal("admin")], {
	$id: "LimitSource",
});
export type LimitSource = Static<typeof LimitSource>;

const limitsProperties = {
	set: PluginLimits,
	effective: EffectiveLimits,
	from: Type.Record(Type.String(), LimitSource, { description: "Where each effective limit comes from, by its name" }),
};

export const LimitsDetail = Type.Object(limitsProperties, {
	additionalProperties: false,
	$id: "LimitsDetail",
	description: "set: by an admin; effective: with the manifest's and the defaults below",
});
export type LimitsDetail = Static<typeof LimitsDetail>;

export const LimitsChange = Type.Object(
	{ ...limitsProperties, ...changeProperties },
	{ additionalProperties: false, $id: "LimitsChange" },
);
export type LimitsChange = Static<typeof LimitsChange>;
