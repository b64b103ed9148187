// Where things are. Every path is made from here, so that the commands work from any directory.
import { join, resolve } from "node:path";

/** Top of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, "../..");

/** Path of a file in the repository. */
export function inRepository(path: string): string {
	return join(REPOSITORY, path);
}
