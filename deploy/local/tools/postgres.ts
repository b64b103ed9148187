// Finds PostgreSQL's programs, or installs them, for the tests: they run on a real server besides the embedded one.
import { dirname } from "node:path";
import { runCommand } from "../foreign-process.js";
import type { Progress } from "../progress.js";
import { findPrograms } from "./find-program.js";
import { installLines, installPackage, type PackageNames } from "./package-manager.js";

/** Oldest major version that the tests run on. */
const OLDEST_MAJOR = 15;

const PACKAGES: PackageNames = {
	"apt-get": "postgresql",
	dnf: "postgresql-server",
	apk: "postgresql",
	brew: "postgresql@17",
};

/**
 * Directory of initdb and postgres.
 *
 * @throws Error that says how to install them
 */
export async function ensurePostgres(progress: Progress): Promise<string> {
	const found = await findPostgres();
	if (found.bin !== undefined) return found.bin;
	return await progress.step("PostgreSQL: not found, installing", async () => {
		const fault = await installPackage(PACKAGES, progress.note);
		const installed = await findPostgres();
		if (installed.bin !== undefined) return installed.bin;
		const tooOld = installed.tooOld.length === 0 ? "" : ` (too old: ${installed.tooOld.join(", ")})`;
		throw new Error(
			[
				`The tests need PostgreSQL ${OLDEST_MAJOR} or newer${tooOld}, and it could not be installed:`,
				`  package manager: ${fault ?? "the package holds no such version"}`,
				"Install it and run this again, with one of:",
				...installLines(PACKAGES).map((line) => `  ${line}`),
			].join("\n"),
		);
	});
}

/** The first installation that is new enough, and the versions of those that are not. */
export async function findPostgres(): Promise<{ bin: string | undefined; tooOld: string[] }> {
	const tooOld: string[] = [];
	for (const initdb of findPrograms("initdb")) {
		const { output } = await runCommand(initdb, ["--version"]);
		const version = /\d+(\.\d+)?/.exec(output)?.[0] ?? "";
		if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return { bin: dirname(initdb), tooOld };
		tooOld.push(version);
	}
	return { bin: undefined, tooOld };
}
