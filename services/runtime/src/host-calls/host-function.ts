// The shape of every host function that is answered in the main thread. All go through the same phases, in host-call-desk.ts:
//
//   grant    the plugin has the permission (PERMISSION_OF, which the thread has read too), and calls left      the desk, first of all
//   prepare  what it asks for is allowed by its rights and inside its limits         synchronous, touches nothing
//   run      does it, until the deadline at most
import type { HostCallAnswers, HostCallType, RequestOf } from "./host-call.js";
import type { PluginRights } from "./plugin-rights.js";

export interface RunContext {
	/** Aborted at the call's deadline, and when the plugin's thread is ended: nothing may go on after it. */
	readonly signal: AbortSignal;
}

export interface HostFunction<Type extends HostCallType, Prepared> {
	/** Most calls in one invocation. */
	readonly callsPerInvocation: number;
	/** @throws HostCallError `denied`, `guest_error` */
	prepare(request: RequestOf<Type>, rights: PluginRights): Prepared;
	/** @throws HostCallError `denied`, `host_error`; whatever else it throws is our fault */
	run(prepared: Prepared, rights: PluginRights, context: RunContext): Promise<HostCallAnswers[Type]>;
}

/** One function for each kind of request. */
export type HostFunctions = { readonly [Type in HostCallType]: HostFunction<Type, unknown> };
