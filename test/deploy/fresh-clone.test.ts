// What decides on a fresh clone whether something is installed.
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeVersionFault } from "../../deploy/local/node-version.js";
import { whyInstall } from "../../deploy/local/npm-packages.js";
import { choosePort } from "../../deploy/local/start/choose-port.js";
import { openHome, readRunningBus } from "../../deploy/local/start/home.js";
import { closeAfter } from "../support/close-after.js";
import { freePort } from "../support/free-port.js";
import { tempDir } from "../support/temp-dir.js";

describe("Node", () => {
	test.each(["18.20.0", "20.18.3"])("%s is too old, and the message says what is needed", (version) => {
		expect(nodeVersionFault(version)).toContain("needs Node 20.19 or newer");
	});

	test.each(["20.19.0", "22.0.0", "24.11.1"])("%s will do", (version) => {
		expect(nodeVersionFault(version)).toBeUndefined();
	});
});

describe("npm packages", () => {
	function repository(): string {
		const dir = tempDir("repository");
		writeFileSync(join(dir, "package-lock.json"), "{}");
		return dir;
	}

	test("are installed when there are none", () => {
		expect(whyInstall(repository())).toBe("not installed yet");
	});

	test("are installed again when an installation was broken off", () => {
		const dir = repository();
		mkdirSync(join(dir, "node_modules"));
		expect(whyInstall(dir)).toBe("an installation was broken off");
	});

	test("are left alone when npm ran after the lock file was written, and installed when it ran before", () => {
		const dir = repository();
		mkdirSync(join(dir, "node_modules"));
		writeFileSync(join(dir, "node_modules/.package-lock.json"), "{}");
		expect(whyInstall(dir)).toBeUndefined();
		utimesSync(join(dir, "node_modules/.package-lock.json"), 1_000, 1_000);
		expect(whyInstall(dir)).toBe("older than the lock file");
	});

	test("are installed when the lock file differs from the one that was installed", () => {
		const dir = repository();
		mkdirSync(join(dir, "node_modules"));
		writeFileSync(join(dir, "node_modules/.package-lock.json"), "{}");
		writeFileSync(join(dir, "node_modules/.installed-lock-digest"), "of another lock file");
		expect(whyInstall(dir)).toBe("the lock file has changed");
	});
});

describe("a port", () => {
	async function takenPort(): Promise<number> {
		const port = await freePort();
		const server = createServer();
		await new Promise<void>((resolve) => {
			server.listen(port, "127.0.0.1", resolve);
		});
		closeAfter(() => server.close());
		return port;
	}

	test("that is taken is replaced by the next free one, and that is said", async () => {
		const port = await takenPort();
		const notes: string[] = [];
		const chosen = await choosePort("nats", { port, explicit: false }, new Set(), (text) => notes.push(text));
		expect(chosen).toBeGreaterThan(port);
		expect(notes).toEqual([`port ${port} is taken; using ${chosen} (HOOKBUS_NATS_PORT sets another one)`]);
	});

	test("that was asked for by name and is taken is an error", async () => {
		const port = await takenPort();
		await expect(choosePort("nats", { port, explicit: true }, new Set(), () => undefined)).rejects.toThrow(
			`port ${port} (HOOKBUS_NATS_PORT) is taken`,
		);
	});

	test("is given away once", async () => {
		const port = await freePort();
		const taken = new Set<number>();
		const first = await choosePort("controlPlane", { port, explicit: false }, taken, () => undefined);
		const second = await choosePort("runtime", { port, explicit: false }, taken, () => undefined);
		expect(second).not.toBe(first);
	});
});

describe("the data directory", () => {
	test("keeps its master key", async () => {
		const { readFileSync, statSync } = await import("node:fs");
		const dir = tempDir("home");
		const { masterKeyFile } = openHome(dir);
		const key = readFileSync(masterKeyFile, "utf8");
		expect(Buffer.from(key, "base64")).toHaveLength(32);
		expect(statSync(masterKeyFile).mode & 0o777).toBe(0o600);
		openHome(dir);
		expect(readFileSync(masterKeyFile, "utf8")).toBe(key);
	});

	test("tells a running bus from one that ended without a word", () => {
		const dir = tempDir("home");
		const note = { natsUrl: "nats://127.0.0.1:4222", apiUrl: "", runtimeUrl: "", tenant: "default" };
		expect(readRunningBus(dir)).toBeUndefined();
		writeFileSync(join(dir, "running.json"), JSON.stringify({ ...note, pid: process.pid }));
		expect(readRunningBus(dir)).toMatchObject({ pid: process.pid });
		writeFileSync(join(dir, "running.json"), JSON.stringify({ ...note, pid: 2 ** 22 - 1 }));
		expect(readRunningBus(dir)).toBeUndefined();
	});
});
