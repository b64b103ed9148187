// The control plane as a process: its first start, its signals, and large uploads seen from outside.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { PluginChange, RouteTable } from "@hookbus/schemas";
import { ROUTE_BUCKET } from "@hookbus/schemas";
import { expect, test } from "vitest";
import { buildPackage } from "../support/build-package.js";
import { connectTo } from "../support/connect.js";
import { spawnControlPlane } from "../support/spawn-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";

test("the first start writes the admin key to its file, readable for its owner only, and prints it nowhere", async () => {
	const dataDir = tempDir("first");
	const first = await spawnControlPlane({ dataDir, makesDatabase: true });
	expect(first.key).toMatch(/^hbk_[A-Za-z0-9_-]{43}$/);
	expect(statSync(join(dataDir, "admin-key")).mode & 0o777).toBe(0o600);
	expect(first.process.output()).not.toContain("hbk_");
	expect((await first.admin.get("/api/v1/plugins")).status).toBe(200);
	await first.process.stop();
	const again = await spawnControlPlane({ dataDir });
	expect(again.key).toBe(first.key);
	expect((await again.admin.get("/api/v1/plugins")).status).toBe(200);
}, 400_000);

test("without a file the key is printed once, to standard output, and is not in the log lines", async () => {
	const dataDir = tempDir("printed");
	const first = await spawnControlPlane({ dataDir, env: { HOOKBUS_ADMIN_KEY_FILE: "" } });
	const printed = /^admin key \(shown once\): (hbk_\S+)$/m.exec(first.process.stdout())?.[1];
	expect(printed).toBeDefined();
	expect(first.process.output().split(printed as string)).toHaveLength(2);
	expect((await first.admin.as(printed).get("/api/v1/plugins")).status).toBe(200);
	await first.process.stop();
	const again = await spawnControlPlane({ dataDir, env: { HOOKBUS_ADMIN_KEY_FILE: "" } });
	expect(again.process.output()).not.toContain("hbk_");
});

test("SIGTERM drains: what was answered is on the bus, and the process ends with 0", async () => {
	const nats = await startNats();
	const control = await spawnControlPlane({ env: { HOOKBUS_NATS_URL: nats.url } });
	await control.admin.ready();
	const { zip } = await buildPackage();
	const installed = await control.admin.install<PluginChange>({ file: zip, fields: { grants: "all", enable: "true" } });
	control.process.signal("SIGTERM");
	expect(await control.process.exited).toEqual({ code: 0, signal: null });
	const connection = await connectTo(nats.url);
	const table = (await (await connection.jetstream().views.kv(ROUTE_BUCKET)).get("default"))?.json<RouteTable>();
	expect(table?.revision).toBe(installed.body.revision);
});

const BAD_STARTS: { title: string; env: Record<string, string>; says: string }[] = [
	{ title: "a master key of the wrong length", env: { HOOKBUS_MASTER_KEY: "c2hvcnQ=" }, says: "it needs 32" },
	{ title: "an unknown setting", env: { HOOKBUS_HTPP_PORT: "1" }, says: "HOOKBUS_HTPP_PORT is no setting" },
	{ title: "a port that is no number", env: { HOOKBUS_HTTP_PORT: "http" }, says: "HOOKBUS_HTTP_PORT" },
	{ title: "a database URL of another kind", env: { HOOKBUS_DATABASE_URL: "mysql://x" }, says: "HOOKBUS_DATABASE_URL" },
	{
		title: "two database URLs",
		env: { HOOKBUS_DATABASE_URL: "postgres://a/b", DATABASE_URL: "postgres://c/d" },
		says: "keep one of them",
	},
];
test.each(BAD_STARTS)("$title ends the start with a sentence", async ({ env, says }) => {
	const { process: child } = await spawnControlPlane({ env, expectExit: true });
	expect((await child.exited).code).toBe(1);
	expect(child.output()).toContain("cannot start: ");
	expect(child.output()).toContain(says);
	expect(child.output()).not.toMatch(/\n\s+at /);
});

test("settings of the runtime in the same environment do not matter", async () => {
	const control = await spawnControlPlane({ env: { HOOKBUS_RUNTIME_ID: "r", HOOKBUS_THREADS: "4" } });
	expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
});

test("UP-05 uploads that are aborted leave nothing in staging", async () => {
	const dataDir = tempDir("aborted");
	const control = await spawnControlPlane({ dataDir });
	const abort = (index: number) =>
		new Promise<void>((resolve) => {
			const upload = request(`${control.url}/api/v1/plugins/install`, {
				method: "POST",
				headers: {
					authorization: `Bearer ${control.key}`,
					"content-type": "multipart/form-data; boundary=x",
					"content-length": 10_000_000,
				},
			});
			upload.on("error", () => undefined);
			upload.on("close", resolve);
			upload.write('--x\r\ncontent-disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK\x03\x04');
			upload.write(Buffer.alloc(20_000 + index), () => setTimeout(() => upload.destroy(), index % 20));
		});
	const total = 1_000;
	for (let done = 0; done < total; done += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => abort(index)));
	await waitFor("staging is empty", () => readdirSync(join(dataDir, "staging")).length === 0, { timeoutMs: 60_000 });
	expect((await control.admin.get("/api/v1/plugins")).body).toEqual({ items: [] });
}, 120_000);

test("UP-05 twenty uploads of 20 MiB at once are streamed, not held in memory", async () => {
	const dataDir = tempDir("parallel");
	const control = await spawnControlPlane({ dataDir });
	// Warm, so that what is measured is the uploads.
	const { zip } = await buildPackage();
	await control.admin.install({ file: zip });
	const rss = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${control.process.pid}/status`, "utf8"))?.[1]) * 1024;
	const before = rss();
	let highest = before;
	const watch = setInterval(() => {
		highest = Math.max(highest, rss());
	}, 20);
	const head = Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK\x03\x04');
	const tail = Buffer.from("\r\n--x--\r\n");
	const body = Buffer.concat([head, Buffer.alloc(20 * 1024 * 1024 - 4, 1), tail]);
	const send = () =>
		new Promise<number>((resolve, reject) => {
			const upload = request(
				`${control.url}/api/v1/plugins/install`,
				{
					method: "POST",
					headers: {
						connection: "close",
						authorization: `Bearer ${control.key}`,
						"content-type": "multipart/form-data; boundary=x",
						"content-length": body.length,
					},
				},
				(response) => {
					response.resume();
					response.on("end", () => resolve(response.statusCode ?? 0));
				},
			);
			upload.on("error", reject);
			upload.end(body);
		});
	const statuses = await Promise.all(Array.from({ length: 20 }, send));
	clearInterval(watch);
	expect(statuses).toEqual(Array(20).fill(422));
	expect((highest - before) / 1024 / 1024).toBeLessThan(100);
	expect(readdirSync(join(dataDir, "staging"))).toEqual([]);
}, 120_000);
