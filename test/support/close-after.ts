// Registers what has to be closed when the test, or else the test file, is over. Without one place for it every start
// function would need to know whether it was called in a test, in beforeAll or at the top of a file.
import { onTestFinished } from "vitest";

export type Closer = () => Promise<unknown> | unknown;

const ofFile: Closer[] = [];

/** Runs `close` after the current test; outside of a test, after the last test of the file. The last registered runs first. */
export function closeAfter(close: Closer): void {
	try {
		onTestFinished(async () => {
			await close();
		});
	} catch {
		// Not inside a test: beforeAll, or the top of the file.
		ofFile.push(close);
	}
}

/** Closes what was registered outside of a test; the settings call it after the last test of each file. */
export async function closeFile(): Promise<void> {
	const failures: unknown[] = [];
	for (let close = ofFile.pop(); close !== undefined; close = ofFile.pop()) {
		try {
			await close();
		} catch (thrown) {
			failures.push(thrown);
		}
	}
	if (failures.length > 0) throw new AggregateError(failures, `closing failed: ${failures.map(String).join("; ")}`);
}
