// Installs a program with the system's package manager, where that needs no questions: as root, with a sudo that asks for
// no password, or with Homebrew.
import { runCommand } from "../foreign-process.js";
import { findPrograms } from "./find-program.js";

interface PackageManager {
	readonly program: string;
	readonly needsRoot: boolean;
	/** Commands that install a package, in order. */
	install(name: string): string[][];
}

const MANAGERS: readonly PackageManager[] = [
	{
		program: "apt-get",
		needsRoot: true,
		install: (name) => [["update"], ["install", "--yes", "--no-install-recommends", name]],
	},
	{ program: "dnf", needsRoot: true, install: (name) => [["install", "--assumeyes", name]] },
	{ program: "apk", needsRoot: true, install: (name) => [["add", "--no-cache", name]] },
	{ program: "brew", needsRoot: false, install: (name) => [["install", name]] },
];

/** Name of the package in each package manager. */
export type PackageNames = Readonly<Record<"apt-get" | "dnf" | "apk" | "brew", string>>;

/** How one installs the package by hand, for a message: `apt-get install nats-server`. */
export function installLines(names: PackageNames): string[] {
	return Object.entries(names).map(([program, name]) => `${program} ${program === "apk" ? "add" : "install"} ${name}`);
}

/**
 * Tries the package managers of this system.
 *
 * @param note gets each command before it runs
 * @returns why it was not installed; undefined when it was
 */
export async function installPackage(names: PackageNames, note: (text: string) => void): Promise<string | undefined> {
	const faults: string[] = [];
	for (const manager of MANAGERS) {
		const [program] = findPrograms(manager.program);
		if (program === undefined) continue;
		const prefix = manager.needsRoot ? await rootPrefix() : [];
		if (prefix === undefined) {
			faults.push(`${manager.program} needs root, and sudo asks for a password`);
			continue;
		}
		const fault = await runAll(
			manager.install(names[manager.program as keyof PackageNames]).map((args) => [...prefix, program, ...args]),
			note,
		);
		if (fault === undefined) return undefined;
		faults.push(fault);
	}
	return faults.length === 0 ? "this system has none of apt-get, dnf, apk, brew" : faults.join("; ");
}

async function runAll(commands: readonly string[][], note: (text: string) => void): Promise<string | undefined> {
	let last: string | undefined;
	for (const [command = "", ...args] of commands) {
		note(`running: ${[command, ...args].join(" ")}`);
		const result = await runCommand(command, args, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
		// A package list that cannot be refreshed may still be good enough; the last command decides.
		last = result.code === 0 ? undefined : `${[command, ...args].join(" ")} failed: ${lastLine(result.output)}`;
	}
	return last;
}

/** What stands before a command that needs root; undefined when we cannot become root. */
async function rootPrefix(): Promise<string[] | undefined> {
	if (process.getuid?.() === 0) return [];
	const [sudo] = findPrograms("sudo");
	if (sudo === undefined) return undefined;
	const { code } = await runCommand(sudo, ["--non-interactive", "true"]);
	return code === 0 ? [sudo, "--non-interactive"] : undefined;
}

function lastLine(text: string): string {
	return text.trim().split("\n").at(-1) ?? "";
}
