// Installs the npm packages when node_modules is not what package-lock.json asks for. npm writes
// node_modules/.package-lock.json as its last step, so an install that was broken off is seen as well.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./foreign-process.js";

/**
 * @param {string} repository
 * @param {import("./progress.js").Progress} progress
 * @returns {Promise<void>}
 */
export async function installNpmPackages(repository, progress) {
	const why = whyInstall(repository);
	if (why === undefined) return;
	await progress.step(`npm packages: ${why}, installing`, async () => {
		const { command, args } = npm();
		const result = await runCommand(command, [...args, "ci", "--no-audit", "--no-fund"], { cwd: repository });
		if (result.code !== 0) throw new Error(`npm ci ended with ${result.code ?? result.signal}:\n${result.output}`);
	});
	writeFileSync(stampFile(repository), lockDigest(repository));
}

/**
 * Why the packages have to be installed. Looks and changes nothing.
 *
 * @param {string} repository
 * @returns {string | undefined} undefined when they are as the lock file says
 */
export function whyInstall(repository) {
	const lock = join(repository, "package-lock.json");
	const installed = join(repository, "node_modules/.package-lock.json");
	if (!existsSync(join(repository, "node_modules"))) return "not installed yet";
	if (!existsSync(installed)) return "an installation was broken off";
	const stamp = stampFile(repository);
	if (existsSync(stamp)) return readFileSync(stamp, "utf8") === lockDigest(repository) ? undefined : "the lock file has changed";
	// Installed by hand: npm ran after the lock file was written, or it did not.
	return statSync(installed).mtimeMs >= statSync(lock).mtimeMs ? undefined : "older than the lock file";
}

/** @param {string} repository */
function stampFile(repository) {
	return join(repository, "node_modules/.installed-lock-digest");
}

/** @param {string} repository */
function lockDigest(repository) {
	return createHash("sha256")
		.update(readFileSync(join(repository, "package-lock.json")))
		.digest("hex");
}

/**
 * The npm that runs us, else the one on the PATH.
 *
 * @returns {{ command: string, args: string[] }}
 */
export function npm() {
	const running = process.env["npm_execpath"];
	return running?.endsWith(".js") ? { command: process.execPath, args: [running] } : { command: "npm", args: [] };
}
