// The process behind the command: its arguments, its output, its exit code.
import { runCommand } from "./run-command.js";

/** Runs the command line of this process. */
export async function main(): Promise<void> {
	process.exitCode = await runCommand(process.argv.slice(2), {
		print: (line) => process.stdout.write(`${line}\n`),
		complain: (line) => process.stderr.write(`${line}\n`),
	});
}
