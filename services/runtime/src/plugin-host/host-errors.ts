// What ends a call besides a trap: what the plugin said itself, and what the host throws when it is called wrongly.
import type { Outcome } from "@hookbus/schemas";

/** The plugin said itself that the call failed. */
export class GuestError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "GuestError";
	}
}

/** The plugin ended itself (WASI's `proc_exit`), whatever the code means to it: it gave no result. */
export class PluginExit extends Error {
	constructor(code: number) {
		super(`the plugin ended itself with code ${code}`);
		this.name = "PluginExit";
	}
}

/** The host has no room for an answer inside the limits of the call. */
export class HostMemoryFull extends Error {
	readonly bytes: number;

	constructor(bytes: number) {
		super(`asked the host for ${bytes} bytes, more than one invocation may hold`);
		this.name = "HostMemoryFull";
		this.bytes = bytes;
	}
}

/** Number of the misuse of a block that does not exist. */
export const UNKNOWN_BLOCK = 2;

/** A block of host memory used in a way that does not exist. */
export class HostMemoryMisuse extends Error {
	readonly outcome: Extract<Outcome, "trap" | "bad_output" | "output_too_large">;

	constructor(fault: number) {
		const known = MISUSES[fault] ?? MISUSES[UNKNOWN_BLOCK];
		super(known?.message);
		this.name = "HostMemoryMisuse";
		this.outcome = known?.outcome ?? "trap";
	}
}

/** By the number that host-memory/assembly/index.ts passes to `fail`. */
const MISUSES: readonly ({ readonly outcome: HostMemoryMisuse["outcome"]; readonly message: string } | undefined)[] = [
	undefined,
	{ outcome: "trap", message: "reads or writes outside of a block of host memory" },
	{ outcome: "trap", message: "reads a block of host memory that does not exist" },
	{ outcome: "bad_output", message: "names a block that does not exist" },
	{ outcome: "output_too_large", message: "claims a result longer than the block that holds it" },
	{ outcome: "bad_output", message: "names a block for its error that does not exist" },
];
