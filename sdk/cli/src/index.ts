// What scripts and tests may import.
export { EXIT, type FailureCode } from "./cli-failure.js";
export type { Terminal } from "./command.js";
export { runCommand } from "./run-command.js";
