#!/usr/bin/env node
// Runs a TypeScript file of this repository on a machine where nothing is installed yet: checks Node, installs the npm
// packages, then hands over. Plain JavaScript, because before that there is no TypeScript to run.
//
//   node deploy/local/run.js [--build] <file.ts> [arguments …]
//
// --build  also finds or installs nats-server, and builds the packages and the plugins
import { pathToFileURL } from "node:url";
import { requireNode } from "./node-version.js";

requireNode();

const { dirname, resolve } = await import("node:path");
const { fileURLToPath } = await import("node:url");
const { installNpmPackages } = await import("./npm-packages.js");
const { createProgress } = await import("./progress.js");

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const [node = "node", , ...given] = process.argv;
const build = given[0] === "--build";
const [script, ...args] = build ? given.slice(1) : given;
const progress = createProgress(process.stderr);
try {
	if (script === undefined) throw new Error("usage: node deploy/local/run.js [--build] <file.ts> [arguments …]");
	await installNpmPackages(repository, progress);
	const { register } = await import("tsx/esm/api");
	register();
	if (build) {
		const { ensureNatsServer } = await import("./tools/nats-server.js");
		const { buildAll } = await import("./build.js");
		await ensureNatsServer(progress);
		await buildAll(progress);
	}
	const file = resolve(repository, script);
	process.argv = [node, file, ...args];
	await import(pathToFileURL(file).href);
} catch (thrown) {
	console.error(thrown instanceof Error ? thrown.message : thrown);
	process.exitCode = 1;
}
