// Where uploads lie while they are checked: one directory for each, removed with all that is in it however the upload ends.
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

export interface Staging {
	/** Makes an empty directory, gives it to `work`, and removes it afterwards, also when `work` throws. */
	within<T>(work: (directory: string) => Promise<T>): Promise<T>;
	/** Removes what a killed process left behind. Only while nothing is being uploaded. */
	sweep(): Promise<void>;
}

/** @param dataDir uploads lie in `<dataDir>/staging` */
export function createStaging(dataDir: string): Staging {
	const root = join(dataDir, "staging");
	return {
		async within(work) {
			const directory = join(root, randomUUID());
			await mkdir(directory, { recursive: true, mode: 0o700 });
			try {
				return await work(directory);
			} finally {
				await rm(directory, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
			}
		},
		async sweep() {
			await mkdir(root, { recursive: true, mode: 0o700 });
			for (const name of await readdir(root)) await rm(join(root, name), { recursive: true, force: true });
		},
	};
}
