// There was no response, and that is nobody's mistake here: a server is down, a name is gone. The plugin gets status 0 and the reason,
// and decides what to do; as an error it would end the plugin's call.
import type { HttpResponse } from "../host-call.js";

export class NoResponse extends Error {
	/** @param reason for the plugin; it names hosts, never a secret */
	constructor(reason: string, options?: ErrorOptions) {
		super(reason, options);
		this.name = "NoResponse";
	}

	/** @param what failed: "no connection to example.com" @param thrown by the system */
	static because(what: string, thrown: unknown): NoResponse {
		return new NoResponse(`${what}: ${codeOf(thrown)}`, { cause: thrown });
	}

	toResponse(): HttpResponse {
		return { status: 0, headers: {}, body: new Uint8Array(), reason: this.message };
	}
}

/** The system's code alone: its messages name addresses, which are not for plugins to see. */
function codeOf(thrown: unknown): string {
	if (!(thrown instanceof Error)) return "unknown";
	return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}
