// The runtimes that the control plane hears, with what each should run and what it runs.
import { type Static, Type } from "@sinclair/typebox";
import { SubjectToken } from "../identifiers.js";
import { ActivationFault, BreakerStatus, RuntimeStatus } from "../runtime-status.js";

export const FleetMember = Type.Object(
	{
		id: SubjectToken,
		state: RuntimeStatus.properties.state,
		live: Type.Boolean({ description: "Heard within the heartbeat's expiry" }),
		version: Type.String(),
		startedAt: Type.String(),
		silentMs: Type.Integer({ minimum: 0, description: "Milliseconds since its last heartbeat" }),
		inFlight: Type.Integer({ minimum: 0 }),
		threads: Type.Integer({ minimum: 0 }),
		desired: Type.Integer({ minimum: 0, description: "Newest revision of this tenant's route table" }),
		running: Type.Integer({ minimum: 0, description: "Revision that it has applied; 0: none yet" }),
		faults: Type.Array(ActivationFault),
		faultsLeftOut: Type.Optional(
			Type.Integer({ minimum: 1, description: "Further faults that it has and does not name, for want of room" }),
		),
		breakers: Type.Array(BreakerStatus, { description: "Plugins of this tenant that kept failing in it" }),
	},
	{ additionalProperties: false, $id: "FleetMember" },
);
export type FleetMember = Static<typeof FleetMember>;

export const RuntimeFleet = Type.Object(
	{
		desired: Type.Integer({ minimum: 0 }),
		items: Type.Array(FleetMember),
	},
	{ additionalProperties: false, $id: "RuntimeFleet" },
);
export type RuntimeFleet = Static<typeof RuntimeFleet>;
