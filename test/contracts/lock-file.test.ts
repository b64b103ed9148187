// package-lock.json installs quickly, and from whatever registry npm is configured for.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type LockFile, NEUTRAL_REGISTRY, withNeutralAddresses } from "../../deploy/local/lock-addresses.js";
import { inRepository } from "../../deploy/local/repository.js";

const text = readFileSync(inRepository("package-lock.json"), "utf8");
const lock = JSON.parse(text) as LockFile;

test("every package from a registry has an address that names none; npm run lock writes it", () => {
	expect(withNeutralAddresses(lock)).toEqual(lock);
	const addresses = [...text.matchAll(/"resolved": "(https?:[^"]*)"/g)].map(([, address]) => address ?? "");
	expect(addresses.length).toBeGreaterThan(100);
	expect(addresses.filter((address) => !address.startsWith(`${NEUTRAL_REGISTRY}/`))).toEqual([]);
});

test("npm is told to put its own registry in place", () => {
	expect(readFileSync(inRepository(".npmrc"), "utf8")).toMatch(/^replace-registry-host=always$/m);
});

test.each([
	["node_modules/ms", { version: "2.1.3" }, "ms/-/ms-2.1.3.tgz"],
	["node_modules/@a/b", { version: "1.0.0" }, "@a/b/-/b-1.0.0.tgz"],
	["node_modules/x/node_modules/@a/b", { version: "1.0.0" }, "@a/b/-/b-1.0.0.tgz"],
	["node_modules/alias", { name: "@a/b", version: "1.0.0", resolved: "https://mirror.example/b.tgz" }, "@a/b/-/b-1.0.0.tgz"],
])("the address of %s %o", (path, locked, address) => {
	const { packages } = withNeutralAddresses({ packages: { [path]: { ...locked, integrity: "sha512-x" } } });
	expect(packages[path]?.resolved).toBe(`${NEUTRAL_REGISTRY}/${address}`);
});

test("a workspace keeps its path", () => {
	const packages = { "node_modules/@hookbus/client": { resolved: "sdk/client", link: true } };
	expect(withNeutralAddresses({ packages })).toEqual({ packages });
});
