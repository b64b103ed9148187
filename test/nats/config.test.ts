// The command that makes users and permissions: what it writes, what it keeps, what it refuses.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { natsAuthentication } from "@hookbus/foundation";
import { describe, expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.js";

const MAIN = resolve(import.meta.dirname, "../../deploy/nats/main.ts");

function run(...args: string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", MAIN, ...args], { encoding: "utf8" });
	return { status, stdout, stderr };
}

test("the configuration holds public keys only; seeds are their owner's, kept by the next run, and new when removed", () => {
	const keys = join(tempDir("nats-config"), "keys");
	const out = `${keys}.conf`;
	expect(run("--tenants=acme", `--keys=${keys}`, `--out=${out}`).status).toBe(0);
	const seeds = readdirSync(keys);
	expect(seeds.sort()).toEqual([
		"control-plane.seed",
		"operator.seed",
		"runtime.rt-1.seed",
		"tenant.acme.listener.seed",
		"tenant.acme.publisher.seed",
	]);
	const first = readFileSync(out, "utf8");
	for (const file of [...seeds.map((name) => join(keys, name)), out]) expect(statSync(file).mode & 0o777, file).toBe(0o600);
	expect(statSync(keys).mode & 0o777).toBe(0o700);
	for (const seed of seeds) expect(first).not.toContain(readFileSync(join(keys, seed), "utf8").trim());
	rmSync(join(keys, "runtime.rt-1.seed"));
	const second = run("--tenants=acme,globex", `--keys=${keys}`);
	const keysOf = (config: string) => new Set(config.match(/U[A-Z0-9]{55}/g));
	const kept = [...keysOf(first)].filter((key) => keysOf(second.stdout).has(key));
	expect(kept).toHaveLength(seeds.length - 1);
	expect(second.stdout).toContain('"TENANT_globex"');
});

test.each([
	["a tenant that is a path", ["--tenants=../x"], '"../x" is no name of a tenant'],
	["a tenant with the inboxes of a runtime", ["--tenants=runtime_rt-1"], "names that begin with runtime_"],
	["a tenant with the inboxes of the control plane", ["--tenants=control_plane"], "and control_plane"],
	["a wildcard", ["--tenants=*"], '"*" is no name of a tenant'],
	["a runtime with a dot", ["--runtimes=a.b"], '"a.b" is no id of a runtime'],
	["no runtime", ["--runtimes="], "there is no runtime"],
	["an unknown option", ["--tenant=acme"], "--tenant"],
])("%s is refused, and nothing is written", (_what, args, message) => {
	const keys = join(tempDir("nats-config"), "keys");
	const { status, stdout, stderr } = run(...args, `--keys=${keys}`);
	expect([status, stdout]).toEqual([1, ""]);
	expect(stderr).toContain(message);
	expect(existsSync(keys)).toBe(false);
});

test("a damaged seed is named and not quoted", () => {
	const keys = tempDir("nats-config");
	writeFileSync(join(keys, "operator.seed"), "SUWRONG");
	const { status, stderr } = run(`--keys=${keys}`);
	expect(status).toBe(1);
	expect(stderr).toContain("operator.seed holds no seed of an nkey; remove it");
	expect(stderr).not.toContain("SUWRONG");
});

describe("a service's credentials", () => {
	test("are none, or the one form that is given", () => {
		expect(natsAuthentication({})).toEqual({});
		expect(natsAuthentication({ HOOKBUS_NATS_TOKEN: "t" })).toEqual({ token: "t" });
		expect(natsAuthentication({ HOOKBUS_NATS_USER: "u", HOOKBUS_NATS_PASSWORD: "p" })).toEqual({ user: "u", pass: "p" });
		expect(natsAuthentication({ HOOKBUS_NATS_CREDS: "c" })).toEqual({ authenticator: expect.any(Function) });
	});

	test.each([
		[{ HOOKBUS_NATS_USER: "u" }, "need each other"],
		[{ HOOKBUS_NATS_PASSWORD: "secret" }, "need each other"],
		[{ HOOKBUS_NATS_TOKEN: "secret", HOOKBUS_NATS_CREDS: "secret" }, "HOOKBUS_NATS_TOKEN and HOOKBUS_NATS_CREDS are set"],
	])("%o are refused without being quoted", (settings, message) => {
		expect(() => natsAuthentication(settings)).toThrow(message);
		expect(() => natsAuthentication(settings)).not.toThrow(/secret/);
	});
});
