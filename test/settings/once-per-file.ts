// Runs in each test file before its tests. Hooks run last in, first out: what the file registers is closed before this.
import { afterAll } from "vitest";
import { closeFile } from "../support/close-after.js";
import { failOnLeaks, openResources } from "../support/fail-on-leaks.js";

const before = openResources();

afterAll(async () => {
	await closeFile();
	await failOnLeaks(before);
});
