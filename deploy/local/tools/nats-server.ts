// Finds nats-server, or installs it: the PATH and the usual directories, the system's package manager, the Go toolchain,
// or else a clear line that says how.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../foreign-process.js";
import type { Progress } from "../progress.js";
import { findPrograms, OWN_PROGRAMS } from "./find-program.js";
import { installLines, installPackage, type PackageNames } from "./package-manager.js";

/** What the Go toolchain builds: it holds the security fixes that the services ask for in production. */
const GO_PACKAGE = "github.com/nats-io/nats-server/v2@v2.14.9";

const PACKAGES: PackageNames = {
	"apt-get": "nats-server",
	dnf: "nats-server",
	apk: "nats-server",
	brew: "nats-server",
};

/**
 * Path of nats-server.
 *
 * @throws Error that says how to install it
 */
export async function ensureNatsServer(progress: Progress): Promise<string> {
	const [found] = findPrograms("nats-server");
	if (found !== undefined) return found;
	return await progress.step("nats-server: not found, installing", async () => {
		const packageFault = await installPackage(PACKAGES, progress.note);
		const [installed] = findPrograms("nats-server");
		if (installed !== undefined) return installed;
		const goFault = await buildWithGo(progress);
		const [built] = findPrograms("nats-server");
		if (built !== undefined) return built;
		throw new Error(
			[
				"nats-server is not installed and could not be installed:",
				`  package manager: ${packageFault ?? "the package holds no nats-server"}`,
				`  Go toolchain: ${goFault ?? "the build left no program"}`,
				"Install it and run this again, with one of:",
				...installLines(PACKAGES).map((line) => `  ${line}`),
				`  go install ${GO_PACKAGE}`,
				"  or a release from the NATS project's GitHub page, put on the PATH",
				"npm start also works without it when NATS_URL names a server with JetStream.",
			].join("\n"),
		);
	});
}

async function buildWithGo(progress: Progress): Promise<string | undefined> {
	const [go] = findPrograms("go");
	if (go === undefined) return "go is not installed";
	mkdirSync(OWN_PROGRAMS, { recursive: true });
	progress.note(`running: ${go} install ${GO_PACKAGE} (into ${join(OWN_PROGRAMS)})`);
	const result = await runCommand(go, ["install", GO_PACKAGE], { env: { ...process.env, GOBIN: OWN_PROGRAMS } });
	return result.code === 0 ? undefined : `go install failed: ${result.output.trim().split("\n").at(-1) ?? ""}`;
}
