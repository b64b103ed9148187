// Finds the command that was asked for, parses its options and prints what became of it. Everything that depends on the process
// is given, so that the tests call it as the shell does.
import { parseArgs } from "node:util";
import { CliFailure, EXIT } from "./cli-failure.js";
import type { Arguments, Command, Terminal } from "./command.js";
import { keygen } from "./commands/keygen.js";
import { keysRotate } from "./commands/keys-rotate.js";
import { keysStatus } from "./commands/keys-status.js";
import { registryBuild } from "./commands/registry-build.js";
import { sign } from "./commands/sign.js";
import { verify } from "./commands/verify.js";

const COMMANDS: readonly Command[] = [keygen, sign, verify, registryBuild, keysRotate, keysStatus];

/** Options that every command takes. */
const ALWAYS = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

/** Runs one command line and returns the exit code. Throws only for a defect of ours. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
	const asJson = args.includes("--json");
	try {
		const command = findCommand(args);
		if (command === undefined) {
			terminal.print(overview());
			return args.length === 0 ? EXIT.usage : EXIT.done;
		}
		const given = parse(command, args.slice(command.name.split(" ").length));
		if (given === "help") {
			terminal.print(command.help);
			return EXIT.done;
		}
		const { lines, json } = await command.run(given, terminal);
		if (asJson) terminal.print(JSON.stringify({ ok: true, ...json }));
		else for (const line of lines) terminal.print(line);
		return EXIT.done;
	} catch (thrown) {
		if (!(thrown instanceof CliFailure)) throw thrown;
		if (asJson) terminal.print(JSON.stringify({ ok: false, code: thrown.code, message: thrown.message, ...thrown.detail }));
		else terminal.complain(`hookbus: ${thrown.message}${thrown.code === "usage" ? "; see hookbus --help" : ""}`);
		return thrown.exitCode;
	}
}

/** undefined: none was asked for, only help. */
function findCommand(args: readonly string[]): Command | undefined {
	const [first] = args;
	if (first === undefined || first === "--help" || first === "-h" || first === "help") return undefined;
	const command = COMMANDS.find(({ name }) => name.split(" ").every((word, index) => args[index] === word));
	if (command !== undefined) return command;
	throw new CliFailure(`there is no command ${JSON.stringify(first)}`, { code: "usage" });
}

function parse(command: Command, args: readonly string[]): Arguments | "help" {
	try {
		const { values, positionals }: { values: Arguments["options"]; positionals: string[] } = parseArgs({
			args: [...args],
			options: { ...command.options, ...ALWAYS },
			allowPositionals: true,
			strict: true,
		});
		if (values["help"] === true) return "help";
		const surplus = positionals[command.maxPositionals];
		if (surplus !== undefined)
			throw new CliFailure(`${command.name} takes no argument ${JSON.stringify(surplus)}`, { code: "usage" });
		return { positionals, options: values };
	} catch (thrown) {
		if (thrown instanceof CliFailure) throw thrown;
		const message = thrown instanceof Error ? thrown.message : String(thrown);
		throw new CliFailure(`${command.name}: ${message.split("\n")[0]}`, { code: "usage", cause: thrown });
	}
}

function overview(): string {
	const width = Math.max(...COMMANDS.map(({ name }) => name.length));
	return [
		"hookbus: sign, verify and publish plugins for Hookbus, and rotate the keys of secrets",
		"",
		...COMMANDS.map(({ name, summary }) => `  hookbus ${name.padEnd(width)}  ${summary}`),
		"",
		"hookbus <command> --help says more. Every command takes --json: one JSON object on standard output.",
		"Exit codes: 0 done; 1 refused, the message says why; 2 wrong usage.",
	].join("\n");
}
