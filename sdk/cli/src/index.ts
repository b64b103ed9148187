// What scripts and tests may import.
export { EXIT, type FailureCode } from "./cli-failure.js";
export { runCommand, type Terminal } from "./run-command.js";
