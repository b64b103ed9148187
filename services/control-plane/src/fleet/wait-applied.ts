// Waits until every live runtime has applied a revision. A heartbeat comes at once after a runtime has applied a table, so
// this returns within milliseconds of the last one; after the caller's time it says who is late, and nothing is undone.
import { type ActivationFault, type Applied, NOT_TRIED_YET } from "@hookbus/schemas";
import { errors } from "../errors.js";
import type { FleetStand, RuntimeAt, RuntimeFleet } from "./runtime-fleet.js";

export interface WaitFor {
	readonly tenant: string;
	readonly revision: number;
	/** The plugin that was changed; a fault of another one does not fail this change. */
	readonly plugin: string;
	/** The user whose own configuration was changed: only that user's faults count, besides those of the plugin; absent: nobody's do. */
	readonly user?: string;
	/** Milliseconds that the caller gave, for the message. */
	readonly waitMs: number;
	/** When they are over, performance.now(). */
	readonly deadline: number;
	/** The caller is gone: nobody waits any more. */
	readonly signal?: AbortSignal;
}

/**
 * @throws CodedError `activation_failed` when a runtime could not take the plugin into service, `not_applied_in_time` after
 * `waitMs`
 */
export async function waitApplied(fleet: RuntimeFleet, wanted: WaitFor): Promise<Applied> {
	for (;;) {
		const heard = fleet.stand(wanted.tenant, wanted.revision);
		refuseFaults(heard.applied, wanted);
		const stand = withUntriedBehind(heard, wanted);
		if (stand.known && stand.behind.length === 0) {
			return {
				revision: wanted.revision,
				runtimes: stand.applied.map(({ id, revision, faults }) => ({ id, revision, faults: [...faults] })),
			};
		}
		const left = wanted.deadline - performance.now();
		if (left <= 0 || wanted.signal?.aborted === true) throw late(fleet, stand, wanted);
		await nextHeartbeat(fleet, Math.min(left, untilKnown(fleet, stand)), wanted.signal);
	}
}

/** Milliseconds until the answer can change without a heartbeat: when the fleet becomes known, and when someone expires. */
function untilKnown(fleet: RuntimeFleet, stand: FleetStand): number {
	const LOOK_AGAIN_MS = 250;
	return stand.known ? LOOK_AGAIN_MS : Math.max(1, Math.min(fleet.settlesInMs ?? LOOK_AGAIN_MS, LOOK_AGAIN_MS));
}

function nextHeartbeat(fleet: RuntimeFleet, ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			unlisten();
			signal?.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		const unlisten = fleet.onHeartbeat(done);
		signal?.addEventListener("abort", done);
	});
}

function refuseFaults(runtimes: readonly RuntimeAt[], { plugin, user, revision }: WaitFor): void {
	const failed = runtimes.flatMap((runtime) =>
		runtime.faults.filter((fault) => concerns(fault, plugin, user)).map((fault) => ({ runtime: runtime.id, ...fault })),
	);
	const [first] = failed;
	if (first === undefined) return;
	throw errors.activation_failed(
		`the change is stored as revision ${revision}, but runtime ${first.runtime} could not take plugin ${plugin} ${first.version} into service${first.user === undefined ? "" : ` for user ${first.user}`}: ` +
			`${first.message} (${first.code}). ${goesOn(first.running)}; correct its configuration, install another version, or disable it`,
		{
			errors: failed.map((fault) => ({
				path: `/runtimes/${fault.runtime}`,
				message: `${fault.code}: ${fault.message}; ${goesOn(fault.running)}`,
			})),
		},
	);
}

/** A runtime that has the table and has not tried out what the user's configuration makes of the plugin is behind. */
function withUntriedBehind({ known, applied, behind }: FleetStand, { plugin, user }: WaitFor): FleetStand {
	const isUntried = ({ faults }: RuntimeAt) =>
		user !== undefined && faults.some((fault) => fault.code === NOT_TRIED_YET && fault.plugin === plugin && fault.user === user);
	const untried = applied.filter(isUntried);
	return { known, applied: applied.filter((runtime) => !untried.includes(runtime)), behind: [...behind, ...untried] };
}

function concerns(fault: ActivationFault, plugin: string, user: string | undefined): boolean {
	return fault.code !== NOT_TRIED_YET && fault.plugin === plugin && (fault.user === undefined || fault.user === user);
}

function goesOn(running: string | undefined): string {
	return running === undefined ? "no version of it runs there" : `version ${running} goes on there`;
}

function late(fleet: RuntimeFleet, stand: FleetStand, { revision, user, waitMs }: WaitFor) {
	const stored = `the change is stored as revision ${revision} and will be applied`;
	if (fleet.settlesInMs === undefined) {
		return errors.not_applied_in_time(
			`${stored} when NATS can be reached again; after ${waitMs} ms it still cannot, so no runtime could be told`,
		);
	}
	if (stand.behind.length === 0) {
		return errors.not_applied_in_time(
			`${stored}; after ${waitMs} ms it was not known yet which runtimes live — ask GET /api/v1/runtimes`,
		);
	}
	return errors.not_applied_in_time(
		`${stored}; after ${waitMs} ms these runtimes had not reported it: ${stand.behind.map(({ id }) => id).join(", ")}`,
		{
			errors: stand.behind.map((runtime) => ({
				path: `/runtimes/${runtime.id}`,
				message:
					runtime.revision < revision
						? `runs revision ${runtime.revision}`
						: `has not tried out the configuration of user ${user} yet, and will in a moment`,
			})),
		},
	);
}
