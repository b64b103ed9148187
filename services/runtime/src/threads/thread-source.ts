// Where a worker thread's code is: in one file, which starts fast, if that file is as new as the build; else in the single
// files, so that nobody runs yesterday's code after a mere `tsc -b`.
import { statSync } from "node:fs";

/** Address of the module that a worker thread starts with. */
export function findThreadSource(): URL {
	const bundle = new URL("./thread-entry.bundle.js", import.meta.url);
	const built = modifiedAt(new URL("../.tsbuildinfo", import.meta.url));
	return modifiedAt(bundle) >= built ? bundle : new URL("./thread-entry.js", import.meta.url);
}

/** Milliseconds since 1970; -1 for a file that is not there. */
function modifiedAt(file: URL): number {
	return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}
