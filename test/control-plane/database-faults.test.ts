// The database goes away and comes back: calls are refused with a reason and a time, nothing hangs, and nobody has to restart
// anything.
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { PluginChange } from "@hookbus/schemas";
import connect from "postgres";
import { describe, expect, test } from "vitest";
import type { ApiClient, ProblemBody } from "../support/api-client.js";
import { buildPackage } from "../support/build-package.js";
import { closeAfter } from "../support/close-after.js";
import { freePort } from "../support/free-port.js";
import { needsRealTime } from "../support/real-time.js";
import { spawnControlPlane } from "../support/spawn-control-plane.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startPostgres } from "../support/start-postgres.js";
import { startProcess } from "../support/start-process.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";

const NO_NATS = "nats://127.0.0.1:9";

async function expectUnavailable(api: ApiClient): Promise<void> {
	const answer = await api.get<ProblemBody>("/api/v1/plugins");
	expect(answer).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
	expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
	expect(answer.body.detail).not.toMatch(/127\.0\.0\.1|postgres:\/\/|select/i);
	const ready = await fetch(`${api.url}/readyz`, { headers: { connection: "close" } });
	expect(ready.status).toBe(503);
	expect(JSON.stringify(await ready.json())).toContain("database");
	expect((await fetch(`${api.url}/livez`, { headers: { connection: "close" } })).status).toBe(200);
}

describe("FT-13 PostgreSQL", () => {
	test("FT-13 stopped: calls answer 503; back: they work within 5 s, with everything that was stored", async (context) => {
		needsRealTime(context);
		const postgres = await startPostgres();
		const { admin } = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: await postgres.createDatabase() });
		const { zip } = await buildPackage();
		await admin.install({ file: zip, fields: { grants: "all", enable: "true" } });
		await postgres.stop();
		await expectUnavailable(admin);
		expect(await admin.post("/api/v1/plugins/tester/disable")).toMatchObject({ status: 503 });
		await postgres.restart();
		const back = performance.now();
		await waitFor("calls work again", async () => (await admin.get("/api/v1/plugins/tester")).status === 200, {
			timeoutMs: 5_000,
		});
		expect(performance.now() - back).toBeLessThan(5_000);
		expect((await admin.post("/api/v1/plugins/tester/disable")).status).toBe(200);
	});

	test("FT-13 killed under load: every call is answered, and what was answered with success is there", async () => {
		const postgres = await startPostgres();
		const { admin } = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: await postgres.createDatabase() });
		const { zip } = await buildPackage();
		await admin.install({ file: zip, fields: { grants: "all" } });
		let answered = 0;
		const calls = Array.from({ length: 60 }, async (_, index) => {
			await new Promise((resolve) => setTimeout(resolve, index * 10));
			const answer = await admin.post<PluginChange>("/api/v1/plugins/tester/toggle");
			answered += 1;
			if (answered === 5) void postgres.kill9();
			return answer;
		});
		const answers = await Promise.all(calls);
		expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
		await postgres.restart();
		const now = await waitFor("calls work again", async () => {
			const answer = await admin.post<PluginChange>("/api/v1/plugins/tester/toggle");
			return answer.status === 200 ? answer : undefined;
		});
		const acknowledged = answers.filter(({ status }) => status === 200).map(({ body }) => body.revision);
		expect(now.body.revision).toBeGreaterThan(Math.max(...acknowledged));
	});

	// An error that nobody catches, which is how the driver fails here, fails the run.
	test("FT-13 sessions ended in the middle of transactions: every call is answered, and the next one works", async () => {
		const postgres = await startPostgres();
		const databaseUrl = await postgres.createDatabase();
		const { admin } = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl });
		const { zip } = await buildPackage();
		await admin.install({ file: zip, fields: { grants: "all" } });
		const operator = connect(postgres.url, { max: 1 });
		closeAfter(() => operator.end());
		let ended = 0;
		for (let round = 0; round < 10; round += 1) {
			const calls = Array.from({ length: 8 }, () => admin.post("/api/v1/plugins/tester/toggle"));
			await new Promise((resolve) => setTimeout(resolve, round * 3));
			const gone = await operator`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE xact_start IS NOT NULL
				AND application_name = 'hookbus-control-plane'`;
			ended += gone.length;
			for (const { status } of await Promise.all(calls)) expect([200, 503]).toContain(status);
			await waitFor("calls work", async () => (await admin.post("/api/v1/plugins/tester/toggle")).status === 200, {
				timeoutMs: 5_000,
			});
		}
		expect(ended).toBeGreaterThan(0);
	});

	test("FT-13 frozen: a call is given up after the time limit, and the next ones work when it thaws", async (context) => {
		needsRealTime(context);
		const postgres = await startPostgres();
		const { admin } = await startTestControlPlane({
			natsUrl: NO_NATS,
			databaseUrl: await postgres.createDatabase(),
			env: { HOOKBUS_DATABASE_TIMEOUT_MS: "1000" },
		});
		expect((await admin.get("/api/v1/plugins")).status).toBe(200);
		postgres.pause();
		const started = performance.now();
		expect(await admin.get("/api/v1/plugins")).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
		expect(performance.now() - started).toBeLessThan(3_000);
		postgres.resume();
		await waitFor("calls work again", async () => (await admin.get("/api/v1/plugins")).status === 200, { timeoutMs: 5_000 });
	});

	test("not there at the start: the service listens, says why it is not ready, and begins when it comes", async () => {
		const postgres = await startPostgres();
		const databaseUrl = await postgres.createDatabase();
		await postgres.stop();
		const keyFile = join(tempDir("key"), "admin-key");
		const control = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl, env: { HOOKBUS_ADMIN_KEY_FILE: keyFile } });
		await expectUnavailable(control.admin.as(`hbk_${"A".repeat(43)}`));
		await postgres.restart();
		await waitFor("the first key is there", () => existsSync(keyFile));
		const admin = control.admin.as(readFileSync(keyFile, "utf8").trim());
		await waitFor("calls work", async () => (await admin.get("/api/v1/plugins")).status === 200);
		expect(control.fatal).toEqual([]);
	});
});

describe("FT-16 PGlite", () => {
	test("FT-16 a second process on the directory is refused within a second, and names the first", async (context) => {
		needsRealTime(context);
		const dataDir = tempDir("locked");
		const first = await spawnControlPlane({ dataDir });
		const started = performance.now();
		const second = await spawnControlPlane({ dataDir, expectExit: true });
		expect((await second.process.exited).code).toBe(1);
		// The start of a Node process itself counts here; the lock is asked first of all.
		expect(performance.now() - started).toBeLessThan(10_000);
		expect(second.process.output()).toContain(`process ${first.process.pid} on ${hostname()} has the database directory open`);
		expect(second.process.output()).toContain("HOOKBUS_DATABASE_URL");
		expect((await fetch(`${first.url}/readyz`, { headers: { connection: "close" } })).status).toBe(200);
	});

	test("FT-16 after a kill -9 it starts at once, and holds every change that was answered", async () => {
		const dataDir = tempDir("killed");
		const first = await spawnControlPlane({ dataDir });
		const { zip } = await buildPackage();
		await first.admin.install({ file: zip, fields: { grants: "all" } });
		let revision = 0;
		const toggling = (async () => {
			for (;;) {
				const answer = await first.admin.post<PluginChange>("/api/v1/plugins/tester/toggle").catch(() => undefined);
				if (answer === undefined) return;
				revision = answer.body.revision;
			}
		})();
		await waitFor("some changes are made", () => revision > 8);
		await first.process.kill9();
		await toggling;
		const second = await spawnControlPlane({ dataDir });
		const answer = await second.admin.as(first.key).post<PluginChange>("/api/v1/plugins/tester/toggle");
		expect(answer.body.revision).toBeGreaterThan(revision);
	});

	test("a lock that a dead process of this machine left is taken over", async () => {
		const dataDir = tempDir("stale");
		const dead = await startProcess(process.execPath, ["-e", ""]);
		await dead.exited;
		mkdirSync(join(dataDir, "database.lock"), { recursive: true });
		writeFileSync(join(dataDir, "database.owner"), JSON.stringify({ pid: dead.pid, host: hostname() }));
		const { admin } = await startTestControlPlane({ natsUrl: NO_NATS, dataDir });
		expect((await admin.get("/api/v1/plugins")).status).toBe(200);
	});

	test("a lock of another machine is not broken while it is alive", async () => {
		const dataDir = tempDir("shared");
		const lock = join(dataDir, "database.lock");
		mkdirSync(lock, { recursive: true });
		writeFileSync(join(dataDir, "database.owner"), JSON.stringify({ pid: 1, host: "another-machine" }));
		const alive = setInterval(() => utimesSync(lock, new Date(), new Date()), 1_000);
		try {
			await expect(startTestControlPlane({ natsUrl: NO_NATS, dataDir })).rejects.toThrow("process 1 on another-machine");
		} finally {
			clearInterval(alive);
		}
	});
});

test("start order does not matter: NATS and PostgreSQL come after the control plane", async () => {
	const postgres = await startPostgres();
	const databaseUrl = await postgres.createDatabase();
	await postgres.stop();
	const port = await freePort();
	const keyFile = join(tempDir("key"), "admin-key");
	const control = await startTestControlPlane({
		natsUrl: `nats://127.0.0.1:${port}`,
		databaseUrl,
		env: { HOOKBUS_ADMIN_KEY_FILE: keyFile },
	});
	await startNats({ port });
	await postgres.restart();
	await control.admin.ready();
});

test("the service stops cleanly while neither NATS nor PostgreSQL was ever there", async (context) => {
	needsRealTime(context);
	const port = await freePort();
	const control = await startTestControlPlane({ natsUrl: NO_NATS, databaseUrl: `postgres://nobody@127.0.0.1:${port}/nothing` });
	const started = performance.now();
	await control.stop();
	expect(performance.now() - started).toBeLessThan(5_000);
});
