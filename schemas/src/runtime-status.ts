// What a runtime says about itself every two seconds, and at once after it applied a route table.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { PluginName, SemVer, SubjectToken } from "./identifiers.js";

/** Milliseconds between two heartbeats. */
export const HEARTBEAT_INTERVAL_MS = 2_000;
/** A runtime that was silent for this many milliseconds is not live. */
export const HEARTBEAT_EXPIRY_MS = 6_000;

/** Code of the fault of a user whose own configuration a runtime has not tried out yet. It passes by itself within seconds. */
export const NOT_TRIED_YET = "not_tried_yet";

/** A plugin that a runtime could not take into service at a revision. */
export const ActivationFault = Type.Object({
	plugin: PluginName,
	version: SemVer,
	code: Type.String(),
	message: Type.String(),
	running: Type.Optional(SemVer),
	user: Type.Optional(
		Type.String({ description: "Only the own configuration of this user could not be taken; absent: the plugin for everybody" }),
	),
});
export type ActivationFault = Static<typeof ActivationFault>;

export const AppliedTable = Type.Object({
	revision: Type.Integer({ minimum: 0 }),
	faults: Type.Array(ActivationFault, {
		description: "Plugins that failed to load or initialize; running names the version that goes on",
	}),
	faultsLeftOut: Type.Optional(
		Type.Integer({ minimum: 1, description: "Further faults for which the message has no room; those of single users go first" }),
	),
});
export type AppliedTable = Static<typeof AppliedTable>;

/** A plugin that kept failing in a runtime, and is not run for a while or any more. */
export const BreakerStatus = Type.Object(
	{
		tenant: SubjectToken,
		plugin: PluginName,
		version: SemVer,
		state: Type.Union([Type.Literal("open"), Type.Literal("half_open"), Type.Literal("given_up")], {
			description:
				"open: not run until a while has passed; half_open: one event tries it; given_up: it failed each time that it was tried, and the control plane disables it",
		}),
		openings: Type.Integer({
			minimum: 1,
			description: "How often in a row it was tried and failed again, the first time included",
		}),
		reason: Type.String({ maxLength: 300, description: "How its last invocation ended" }),
		since: Type.String({ description: "When it was first stopped: RFC 3339, UTC" }),
		revision: Type.Integer({ minimum: 0, description: "Revision of the route table that it ran under" }),
	},
	{ $id: "BreakerStatus" },
);
export type BreakerStatus = Static<typeof BreakerStatus>;

/** What a plugin said of itself when the runtime asked its export `health`. */
export const PluginProbe = Type.Object(
	{
		tenant: SubjectToken,
		plugin: PluginName,
		version: SemVer,
		healthy: Type.Boolean(),
		failures: Type.Integer({ minimum: 0, description: "Bad answers in a row, this one included" }),
		message: Type.Optional(Type.String({ maxLength: 300, description: "Why it is not well" })),
		time: Type.String({ description: "When it was asked: RFC 3339, UTC" }),
	},
	{ $id: "PluginProbe" },
);
export type PluginProbe = Static<typeof PluginProbe>;

export const RuntimeStatus = Type.Object(
	{
		spec: Type.Literal("1"),
		runtime: SubjectToken,
		state: Type.Union([Type.Literal("starting"), Type.Literal("running"), Type.Literal("draining"), Type.Literal("stopped")]),
		version: Type.String(),
		startedAt: Type.String(),
		time: Type.String(),
		inFlight: Type.Integer({ minimum: 0 }),
		threads: Type.Integer({ minimum: 0 }),
		tenants: Type.Record(SubjectToken, AppliedTable),
		breakers: Type.Optional(
			Type.Array(BreakerStatus, { maxItems: 1_000, description: "Plugins that kept failing; absent: none" }),
		),
		probes: Type.Optional(
			Type.Array(PluginProbe, {
				maxItems: 1_000,
				description: "Plugins that export health, the last answer of each; absent: none",
			}),
		),
	},
	{ $id: "RuntimeStatus" },
);
export type RuntimeStatus = Static<typeof RuntimeStatus>;

const check = TypeCompiler.Compile(RuntimeStatus);

/** True when the value is a runtime's status. Does not throw. */
export function isRuntimeStatus(value: unknown): value is RuntimeStatus {
	return check.Check(value);
}
