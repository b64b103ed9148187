// How a host function says no. What is thrown here ends the plugin's call with the outcome that stands beside it; the message is
// shown to the plugin's author and to admins, so it names the thing and the rule, and no secret.
import type { HostCallFailure } from "./host-call.js";

export class HostCallError extends Error {
	readonly outcome: HostCallFailure["outcome"];

	constructor(outcome: HostCallFailure["outcome"], message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = "HostCallError";
		this.outcome = outcome;
	}
}

/** The plugin has no right to do this. */
export function denied(message: string): HostCallError {
	return new HostCallError("denied", message);
}

/** The plugin asks for something that does not exist or does not fit: a name that is too long, a URL that is none. */
export function invalid(message: string): HostCallError {
	return new HostCallError("guest_error", message);
}

/** It was not done before the plugin's time was over. */
export function timedOut(message: string, options?: ErrorOptions): HostCallError {
	return new HostCallError("timeout", message, options);
}

/** The host cannot do it now: the bus does not answer. */
export function failed(message: string, options?: ErrorOptions): HostCallError {
	return new HostCallError("host_error", message, options);
}
