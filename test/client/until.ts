// Waits as waitFor does, with a limit for what hangs and not for what is slow on a busy machine.
import { waitFor } from "../support/wait-for.js";

/** Resolves when `look` returns something true; throws an Error that names `what` after a minute. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
	await waitFor(what, look, { timeoutMs: 60_000 });
}
