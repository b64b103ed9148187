// What a command is: its help, its options, and what it does. The table of commands in run-command.ts is made of these.
import type { ParseArgsConfig } from "node:util";
import { CliFailure } from "./cli-failure.js";

export interface Arguments {
	readonly positionals: readonly string[];
	readonly options: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
}

export interface Terminal {
	/** Writes a line to standard output. */
	print(line: string): void;
	/** Writes a line to standard error. */
	complain(line: string): void;
}

export interface Outcome {
	/** For people, line by line. */
	readonly lines: readonly string[];
	/** For programs: printed with `--json`, together with `ok: true`. */
	readonly json: Readonly<Record<string, unknown>>;
}

export interface Command {
	/** As it is called: `sign`, `registry build`. */
	readonly name: string;
	/** One line. */
	readonly summary: string;
	/** The whole help text. */
	readonly help: string;
	readonly options: NonNullable<ParseArgsConfig["options"]>;
	/** Most arguments besides options. */
	readonly maxPositionals: number;
	/**
	 * @param terminal for what is said before the end; not with `--json`
	 * @throws CliFailure
	 */
	run(given: Arguments, terminal: Terminal): Promise<Outcome>;
}

/** @throws CliFailure `usage` when it is missing */
export function requiredPositional({ positionals }: Arguments, index: number, what: string): string {
	const value = positionals[index];
	if (value === undefined) throw new CliFailure(`${what} is missing`, { code: "usage" });
	return value;
}

/** @throws CliFailure `usage` when it is missing */
export function requiredOption(given: Arguments, name: string): string {
	const value = optionalOption(given, name);
	if (value === undefined) throw new CliFailure(`--${name} is missing`, { code: "usage" });
	return value;
}

export function optionalOption({ options }: Arguments, name: string): string | undefined {
	const value = options[name];
	return typeof value === "string" ? value : undefined;
}

/** Every value of an option that may stand more than once. */
export function repeatedOption({ options }: Arguments, name: string): readonly string[] {
	const values = options[name];
	return Array.isArray(values) ? values.filter((value) => typeof value === "string") : [];
}
