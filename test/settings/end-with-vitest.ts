// Ends a process that runs test files when Vitest's main process is gone. Vitest leaves on a signal without ending them, and a killed
// one cannot; what they had begun would run on for minutes, with servers, beside the next run.

function endWithVitest(): void {
	process.exit(1);
}

// This runs for each file, and the process stays the same.
const isWatching = process.listeners("disconnect").some(({ name }) => name === endWithVitest.name);
if (!isWatching) process.once("disconnect", endWithVitest);
