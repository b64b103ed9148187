// Builds what has to be built before anything of ours can run: the TypeScript packages and the plugins. Both are quick when
// nothing has changed.
import { runCommand } from "./foreign-process.js";
import type { Progress } from "./progress.js";
import { inRepository, REPOSITORY } from "./repository.js";

export interface NodeCommand {
	readonly title: string;
	/** Script that Node runs, in the repository, and its arguments. */
	readonly args: readonly string[];
}

export const BUILD_PACKAGES: NodeCommand = { title: "packages (tsc -b)", args: ["node_modules/typescript/bin/tsc", "-b"] };

export const BUNDLE_THREAD: NodeCommand = { title: "worker thread (one file)", args: ["services/runtime/bundle-thread.js"] };

export const BUILD_HOST_MEMORY: NodeCommand = { title: "host memory", args: ["services/runtime/build-host-memory.js"] };

export const BUILD_PLUGINS: NodeCommand = { title: "plugins", args: ["--import", "tsx", "plugins-wasm/build.ts"] };

/**
 * Runs a script of ours or of a package with this Node, at the top of the repository.
 *
 * @throws Error with the output when it fails
 */
export async function runNode(command: NodeCommand): Promise<void> {
	const result = await runCommand(process.execPath, command.args, { cwd: REPOSITORY, env: childEnvironment(process.stderr) });
	if (result.code !== 0) throw new Error(`${command.title} failed (${result.code ?? result.signal}):\n${result.output.trim()}`);
}

/**
 * Builds packages and plugins.
 *
 * @throws Error with the output of what failed
 */
export async function buildAll(progress: Progress): Promise<void> {
	for (const command of [BUILD_PACKAGES, BUNDLE_THREAD, BUILD_HOST_MEMORY, BUILD_PLUGINS])
		await progress.step(command.title, () => runNode(command));
}

/** The environment of a command whose output we show: coloured only when we show it on a terminal. */
export function childEnvironment(stream: NodeJS.WriteStream): NodeJS.ProcessEnv {
	const { FORCE_COLOR: _force, NO_COLOR: noColor, ...env } = process.env;
	if (stream.isTTY && noColor === undefined) return { ...env, FORCE_COLOR: "1" };
	return { ...env, NO_COLOR: "1" };
}

/** Directory of the packages that a plugin's build leaves behind. */
export function pluginPackage(name: string): string {
	return inRepository(`plugins-wasm/${name}/build/${name}.zip`);
}

/** Module that a plugin's build leaves behind. */
export function pluginModule(name: string): string {
	return inRepository(`plugins-wasm/${name}/build/plugin.wasm`);
}
