// What a runtime says about itself every two seconds, and at once after it applied a route table.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { PluginName, SemVer, SubjectToken } from "./identifiers.js";

/** Milliseconds between two heartbeats. */
export const HEARTBEAT_INTERVAL_MS = 2_000;
/** A runtime that was silent for this many milliseconds is not live. */
export const HEARTBEAT_EXPIRY_MS = 6_000;

/** A plugin that a runtime could not take into service at a revision. */
export const ActivationFault = Type.Object({
	plugin: PluginName,
	version: SemVer,
	code: Type.String(),
	message: Type.String(),
	running: Type.Optional(SemVer),
});
export type ActivationFault = Static<typeof ActivationFault>;

export const AppliedTable = Type.Object({
	revision: Type.Integer({ minimum: 0 }),
	faults: Type.Array(ActivationFault, {
		description: "Plugins that failed to load or initialize; running names the version that goes on",
	}),
});
export type AppliedTable = Static<typeof AppliedTable>;

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
	},
	{ $id: "RuntimeStatus" },
);
export type RuntimeStatus = Static<typeof RuntimeStatus>;

const check = TypeCompiler.Compile(RuntimeStatus);

/** True when the value is a runtime's status. Does not throw. */
export function isRuntimeStatus(value: unknown): value is RuntimeStatus {
	return check.Check(value);
}
