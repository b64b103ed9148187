// Finds the servers that the tests start, where `npm test` finds or installs them.
import { findPrograms } from "../../deploy/local/tools/find-program.js";

/** Every place that holds the program, best first. */
export const findExecutables = findPrograms;

/**
 * The best place that holds the program.
 *
 * @throws Error that says how to install it
 */
export function findExecutable(name: string): string {
	const [found] = findPrograms(name);
	if (found === undefined) throw new Error(`${name} is not installed; npm test installs what the tests need`);
	return found;
}
