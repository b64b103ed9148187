// Finds a program in the places where systems put servers: they are often not on the PATH of an ordinary user.
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { inRepository } from "../repository.js";

/** Where programs go that had to be built here. */
export const OWN_PROGRAMS = inRepository(".hookbus/bin");

function directories(): string[] {
	return [
		OWN_PROGRAMS,
		...(process.env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== ""),
		"/usr/sbin",
		"/usr/local/bin",
		"/usr/local/sbin",
		"/usr/local/go/bin",
		"/opt/homebrew/bin",
		...versions("/usr/lib/postgresql"),
		...versions("/usr/libexec", /^postgresql/, ""),
		...versions("/usr", /^pgsql-/),
		...versions("/opt/homebrew/opt", /^postgresql/),
		...versions("/usr/local/opt", /^postgresql/),
	];
}

function versions(parent: string, named = /^/, below = "bin"): string[] {
	try {
		return readdirSync(parent)
			.filter((name) => named.test(name))
			.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
			.map((name) => join(parent, name, below));
	} catch {
		// The directory is not there on this system.
		return [];
	}
}

/** Every place that holds the program, best first. */
export function findPrograms(name: string): string[] {
	return [...new Set(directories().map((dir) => join(dir, name)))].filter(isExecutable);
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}
