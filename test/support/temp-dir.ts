// Temporary directories that remove themselves. Tests that share one, or that write into the repository, break each other.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeAfter } from "./close-after.js";

/** A new empty directory under the system's temporary directory; removed after the test. */
export function tempDir(prefix = "test"): string {
	const dir = makeTempDir(prefix);
	closeAfter(() => removeDir(dir));
	return dir;
}

/** As {@link tempDir}, but the caller removes it; for code that does not run inside a test file. */
export function makeTempDir(prefix: string): string {
	return mkdtempSync(join(tmpdir(), `hookbus-${prefix}-`));
}

/** Removes a directory with all that it holds; tries again while a process that is just ending still writes into it. */
export function removeDir(dir: string): void {
	rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
