// Where a failed assertion or a `throw` ends (AssemblyScript cannot catch). asconfig.base.json maps the compiler's abort to
// this function; without it a module would import env.abort, which the host refuses.

import { reportError } from "./host-memory";
import { logError } from "./log";

/** Logs what failed and where, makes it the call's error (for hosts that ask for one after a trap), and traps. */
export function abortPlugin(message: string | null, file: string | null, line: u32, column: u32): void {
	const what = message !== null ? message : "aborted";
	const where = file !== null ? ` (${file}:${line}:${column})` : "";
	logError(what + where);
	reportError(what + where);
	unreachable();
}
