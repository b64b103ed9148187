import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ServiceSpec, SupervisedService } from "../../deploy/local/start/supervised.js";
import { closeAfter } from "../support/close-after.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";

function supervise(script: string, more: Partial<ServiceSpec> = {}) {
	const logDir = tempDir("supervised");
	const notes: string[] = [];
	const service = new SupervisedService(
		{
			name: "the service",
			command: process.execPath,
			args: ["-e", script],
			env: process.env,
			cwd: logDir,
			ready: async () => readFileSync(join(logDir, "the-service.log"), "utf8").includes("ready"),
			readyTimeoutMs: 60_000,
			stopGraceMs: 20_000,
			...more,
		},
		{ logDir, note: (text) => notes.push(text), firstDelayMs: 10 },
	);
	closeAfter(() => service.stop());
	return { service, notes, log: () => readFileSync(join(logDir, "the-service.log"), "utf8") };
}

const RUN = 'console.log("ready"); setInterval(() => {}, 1000);';

test("a service that was killed runs again, and the reason is said", { timeout: 90_000 }, async () => {
	const { service, notes, log } = supervise(RUN);
	await service.start();
	const first = service.pid as number;
	process.kill(first, "SIGKILL");
	await waitFor("it runs again", () => service.pid !== undefined && service.pid !== first, { timeoutMs: 240_000 });
	await waitFor("it has written again", () => log().split("ready").length > 2, { timeoutMs: 240_000 });
	expect(notes.join("\n")).toContain("the service ended (signal SIGKILL); starting it again");
});

test("a service that never gets ready is given up, with its last words", { timeout: 90_000 }, async () => {
	const { service } = supervise('console.error("no database"); process.exit(3);');
	await expect(service.start()).rejects.toThrow(/the service ended 3 times:.*no database/s);
	expect(service.pid).toBeUndefined();
});

test("a command that does not exist is given up, with its name", async () => {
	const { service, notes } = supervise("", { command: "/nowhere/program", args: [] });
	await expect(service.start()).rejects.toThrow("the service ended");
	expect(notes.join("\n")).toMatch(/\/nowhere\/program|exit code 127/);
});

test("a service that ignores SIGTERM is killed after its grace time", { timeout: 90_000 }, async () => {
	const { service, notes } = supervise(`process.on("SIGTERM", () => {}); ${RUN}`, { stopGraceMs: 200 });
	await service.start();
	await service.stop();
	expect(service.pid).toBeUndefined();
	expect(notes.join("\n")).toContain("did not stop within 0.2 s: killed");
});

test("a service that is stopped is not started again, and its stop is no failure", { timeout: 90_000 }, async () => {
	const { service, notes } = supervise(RUN);
	await service.start();
	await service.stop();
	await service.stop();
	expect(service.pid).toBeUndefined();
	expect(notes).toEqual([]);
});

test("warnings in the service's log are shown as sentences, each once, and the rest only kept", { timeout: 90_000 }, async () => {
	const { service, notes, log } = supervise(
		`for (let i = 0; i < 9; i++) console.log('{"level":40,"msg":"the disk is nearly full"}'); console.log('{"level":30,"msg":"all is well"}'); ${RUN}`,
	);
	await service.start();
	expect(notes).toEqual(["the service: the disk is nearly full"]);
	expect(log()).toContain("all is well");
});
