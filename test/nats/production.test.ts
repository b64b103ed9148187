// What production refuses and development warns of: settings that are not safe, servers that admit anybody, old servers, and TLS
// that is not what it should be. All on real servers, and both services are told the same.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { Writable } from "node:stream";
import { readControlPlaneSettings, startControlPlane } from "@hookbus/control-plane";
import { connectNats, type NatsOptions, natsAuthentication } from "@hookbus/foundation";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { closeAfter } from "../support/close-after.js";
import { createDatabase } from "../support/create-database.js";
import { spawnControlPlane } from "../support/spawn-control-plane.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import { startPostgres } from "../support/start-postgres.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";
import { startGuardedBus } from "./guarded-bus.js";

const TLS = resolve(import.meta.dirname, "../fixtures/tls");
const read = (name: string) => readFileSync(join(TLS, name), "utf8");
/** Random, so it is as a key should be. */
const KEY = "3q2+7wAbUcRNmWf1Yx0KZk4LhTgVpJ8sQeDiOa5cBzM=";
const TEXT_KEY = Buffer.from("correct horse battery staple 123").toString("base64");
const NO_SERVER = "nats://127.0.0.1:9";

/** Safe for production in every respect; each test spoils one. */
const SAFE = {
	HOOKBUS_PROFILE: "production",
	HOOKBUS_NATS_URL: "tls://nats.example.com:4222",
	HOOKBUS_NATS_TOKEN: "a token",
	HOOKBUS_MASTER_KEY: KEY,
};

function captured(): { logger: pino.Logger; text: () => string } {
	const lines: string[] = [];
	const sink = new Writable({
		write(chunk: Buffer, _encoding, done) {
			lines.push(chunk.toString("utf8"));
			done();
		},
	});
	return { logger: pino({ level: "debug" }, sink), text: () => lines.join("") };
}

/** Connects as a service in this profile would; undefined: it is connected. */
async function refusal(url: string, options: Partial<NatsOptions> & { token?: string } = {}): Promise<unknown> {
	const { logger, text } = captured();
	const { token, authentication = token === undefined ? {} : { token }, ...rest } = options;
	const wait = AbortSignal.timeout(10_000);
	try {
		const connection = await connectNats(
			{ url, name: "test", requireSafeVersion: false, authentication, signal: wait, ...rest },
			logger,
		);
		await connection.close();
		return { connected: true, log: text() };
	} catch (thrown) {
		return thrown;
	}
}

describe("AU-10 settings that production refuses, before anything is opened", () => {
	const unsafe: readonly { title: string; env: Record<string, string>; path: string; says: RegExp; both: boolean }[] = [
		{
			title: "no credentials for NATS",
			env: { HOOKBUS_NATS_TOKEN: "" },
			path: "HOOKBUS_NATS_NKEY_SEED",
			says: /no credentials/,
			both: true,
		},
		{
			title: "NATS in plaintext at another machine",
			env: { HOOKBUS_NATS_URL: "nats://10.0.0.7:4222" },
			path: "HOOKBUS_NATS_URL",
			says: /10\.0\.0\.7 would be reached in plaintext/,
			both: true,
		},
		{
			title: "one plaintext server among several",
			env: { HOOKBUS_NATS_URL: "tls://a.example:4222, b.example:4222,nats://127.0.0.1" },
			path: "HOOKBUS_NATS_URL",
			says: /b\.example would/,
			both: true,
		},
		{
			title: "a master key of zeros",
			env: { HOOKBUS_MASTER_KEY: Buffer.alloc(32).toString("base64") },
			path: "HOOKBUS_MASTER_KEY",
			says: /again and again/,
			both: true,
		},
		{
			title: "a master key that is text",
			env: { HOOKBUS_MASTER_KEY: TEXT_KEY },
			path: "HOOKBUS_MASTER_KEY",
			says: /is text/,
			both: true,
		},
		{
			title: "REST at all addresses without TLS",
			env: { HOOKBUS_HTTP_HOST: "0.0.0.0" },
			path: "HOOKBUS_HTTP_HOST",
			says: /plaintext at 0\.0\.0\.0/,
			both: false,
		},
		...[
			"postgres://u@db.example/hookbus",
			"postgres://u@db.example/hookbus?sslmode=require",
			"postgres://u@127.0.0.1,db.example:5433/x",
		].map((url) => ({
			title: `a database that is not verified: ${url}`,
			env: { HOOKBUS_DATABASE_URL: url },
			path: "HOOKBUS_DATABASE_URL",
			says: /db\.example would be reached without/,
			both: false,
		})),
	];

	test.each(unsafe)("AU-10 $title", async ({ env, path, says, both }) => {
		const { HOOKBUS_NATS_URL: natsUrl, ...settings } = { ...SAFE, ...env };
		const expected = {
			code: "production_unsafe",
			message: expect.stringMatching(says),
			errors: [{ path, message: expect.stringMatching(says) }],
		};
		const dataDir = join(tempDir("unopened"), "data");
		const own = readControlPlaneSettings({ ...settings, HOOKBUS_NATS_URL: natsUrl, HOOKBUS_DATA_DIR: dataDir });
		const { logger } = captured();
		const start = startControlPlane({ settings: own, logger, print: () => undefined, onFatal: () => undefined });
		await expect(start).rejects.toMatchObject(expected);
		expect(existsSync(dataDir)).toBe(false);
		if (both) await expect(startRuntimeHere({ natsUrl, settings })).rejects.toMatchObject(expected);
	});

	test("AU-10 all faults are named at once, none shows a secret, and the process ends", async () => {
		const env = {
			HOOKBUS_PROFILE: "production",
			HOOKBUS_NATS_URL: "nats://me:hunter2@10.0.0.7",
			HOOKBUS_MASTER_KEY: TEXT_KEY,
			HOOKBUS_HTTP_HOST: "::",
		};
		const { process: child } = await spawnControlPlane({ env, expectExit: true });
		expect((await child.exited).code).toBe(1);
		for (const path of ["HOOKBUS_NATS_NKEY_SEED", "HOOKBUS_NATS_URL", "HOOKBUS_MASTER_KEY", "HOOKBUS_HTTP_HOST"])
			expect(child.output()).toContain(path);
		expect(child.output()).not.toMatch(/hunter2|horse/);
		expect(child.output()).not.toContain(TEXT_KEY);
	});

	test("AU-10 development starts and names the same faults in a warning", async () => {
		const control = await startTestControlPlane({
			natsUrl: NO_SERVER,
			databaseUrl: await createDatabase(),
			env: { HOOKBUS_HTTP_HOST: "0.0.0.0" },
		});
		expect(control.logs()).toMatch(/"faults":\["HOOKBUS_NATS_NKEY_SEED","HOOKBUS_MASTER_KEY","HOOKBUS_HTTP_HOST"\]/);
	});

	test("AU-10 behind a proxy that ends TLS, and on this machine, plaintext is taken", async () => {
		const env = { ...SAFE, HOOKBUS_HTTP_HOST: "0.0.0.0", HOOKBUS_HTTP_BEHIND_TLS: "true" };
		const control = await startTestControlPlane({
			natsUrl: NO_SERVER,
			databaseUrl: await createDatabase(),
			env: { ...env, HOOKBUS_NATS_URL: NO_SERVER },
		});
		expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
		expect(control.logs()).not.toContain("not safe for production");
	});
});

describe("AU-10 servers that production refuses", () => {
	test("AU-10 without authorization: refused in production, a warning in development", async () => {
		const nats = await startNats();
		expect(await refusal(nats.url, { requireCredentials: true, token: "any" })).toMatchObject({ code: "nats_open" });
		expect(await refusal(nats.url)).toMatchObject({
			connected: true,
			log: expect.stringContaining("admits connections without credentials"),
		});
	});

	test("AU-10 with no_auth_user: refused in production, although it knows users", async () => {
		const config = `accounts { A { users: [{ user: a, password: b }, { user: anybody, password: x }] } }\nno_auth_user: anybody`;
		const nats = await startNats({ config, jetstream: false });
		const authentication = { user: "a", pass: "b" };
		expect(await refusal(nats.url, { authentication, requireCredentials: true })).toMatchObject({
			code: "nats_open",
			message: expect.stringContaining("no_auth_user"),
		});
	});

	test("AU-10 with users for everybody: taken", async () => {
		const nats = await startNats({ config: 'authorization { token: "secret" }' });
		expect(await refusal(nats.url, { requireCredentials: true, token: "secret" })).toMatchObject({ connected: true });
	});

	test("AU-10 a server that only says that it asks for credentials is found out", async () => {
		const url = await scriptedServer({ version: "2.12.9", auth_required: true });
		expect(await refusal(url, { requireCredentials: true, token: "any" })).toMatchObject({ code: "nats_open" });
	});

	test("AU-10 below the floor version: refused in production, whatever HOOKBUS_NATS_REQUIRE_SAFE_VERSION says", async () => {
		const url = await scriptedServer({ version: "2.11.15", auth_required: true }, { refusesStrangers: true });
		const tooOld = { code: "nats_too_old", message: expect.stringContaining("2.11.15") };
		const env = { ...SAFE, HOOKBUS_NATS_URL: url, HOOKBUS_NATS_REQUIRE_SAFE_VERSION: "false" };
		const control = await startTestControlPlane({ natsUrl: url, databaseUrl: await createDatabase(), env });
		await waitFor("it cannot go on", () => control.fatal.length > 0);
		expect(control.fatal).toMatchObject([tooOld]);
		await expect(startRuntimeHere({ natsUrl: url, settings: env })).rejects.toMatchObject(tooOld);
		const warned = { connected: true, log: expect.stringContaining("lacks security fixes") };
		expect(await refusal(url, { token: "any" })).toMatchObject(warned);
	});

	test("AU-10 the control plane gives up with the reason, and the runtime does not start", async () => {
		const nats = await startNats();
		const env = { ...SAFE, HOOKBUS_NATS_URL: nats.url };
		const control = await startTestControlPlane({ natsUrl: nats.url, databaseUrl: await createDatabase(), env });
		await waitFor("it cannot go on", () => control.fatal.length > 0);
		expect(control.fatal).toMatchObject([{ code: "nats_open" }]);
		await expect(startRuntimeHere({ natsUrl: nats.url, settings: env })).rejects.toMatchObject({ code: "nats_open" });
	});

	test("AU-10 the configuration that npm run nats:config makes is taken", async () => {
		const bus = await startGuardedBus();
		const seed = { HOOKBUS_NATS_NKEY_SEED: bus.seed("control-plane") };
		const taken = await refusal(bus.nats.url, { authentication: natsAuthentication(seed), requireCredentials: true });
		expect(taken).toMatchObject({ connected: true });
	});
});

describe("AU-11 TLS to NATS", () => {
	const serve = async (certificate: string, more = "") => {
		const tls = `tls { cert_file: "${join(TLS, certificate)}", key_file: "${join(TLS, "bus-key.pem")}" }`;
		const nats = await startNats({ jetstream: false, config: `${tls}\nauthorization { token: "secret" }\n${more}` });
		return `tls://localhost:${nats.port}`;
	};
	const options = { requireCredentials: true, ca: read("bus-authority.pem"), token: "secret" } as const;

	test("AU-11 the right certificate of the right authority: connected", async () => {
		expect(await refusal(await serve("bus.pem"), options)).toMatchObject({ connected: true });
	});

	test.each([
		{
			title: "another authority",
			certificate: "bus.pem",
			ca: read("authority.pem"),
			says: /no authority that is trusted here.*HOOKBUS_NATS_CA/,
		},
		{
			title: "the public authorities only",
			certificate: "bus.pem",
			ca: undefined,
			says: /no authority that is trusted here.*HOOKBUS_NATS_CA/,
		},
		{
			title: "an expired certificate",
			certificate: "bus-expired.pem",
			ca: options.ca,
			says: /not valid today \(CERT_HAS_EXPIRED\)/,
		},
		{
			title: "a certificate for another name",
			certificate: "bus-other-name.pem",
			ca: options.ca,
			says: /for another name.*elsewhere\.example/,
		},
	])("AU-11 $title: not connected, and it is said why", async ({ certificate, ca, says }) => {
		const url = await serve(certificate);
		const thrown = await refusal(url, { ca, token: "secret" });
		expect(thrown).toMatchObject({ code: "nats_tls_failed", message: expect.stringMatching(says) });
	});

	test("AU-11 a server, or somebody on the way, that offers no TLS gets neither credentials nor a connection", async () => {
		const sent: string[] = [];
		const url = await scriptedServer({ version: "2.12.9", auth_required: true }, { onText: (text) => sent.push(text) });
		expect(await refusal(url.replace("nats:", "tls:"), { token: "secret" })).toMatchObject({
			code: "nats_tls_failed",
			message: expect.stringContaining("offers no TLS"),
		});
		expect(sent.join("")).not.toContain("secret");
	});
});

describe("AU-11 TLS to PostgreSQL", () => {
	test("AU-11 only a certificate of the right authority is taken", async () => {
		const postgres = await startPostgres({ certificate: read("bus.pem"), key: read("bus-key.pem") });
		const databaseUrl = (await postgres.createDatabase()).replace("127.0.0.1", "localhost");
		const start = (ca: string) => startTestControlPlane({ natsUrl: NO_SERVER, databaseUrl, env: { HOOKBUS_DATABASE_CA: ca } });
		const control = await start(read("bus-authority.pem"));
		expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
		const refused = { code: "database_tls_failed", message: expect.stringContaining("HOOKBUS_DATABASE_CA") };
		await expect(start(read("authority.pem"))).rejects.toMatchObject(refused);
		const verified = startTestControlPlane({ natsUrl: NO_SERVER, databaseUrl: `${databaseUrl}?sslmode=verify-full` });
		await expect(verified).rejects.toMatchObject(refused);
	});

	test.each([
		{ title: "an expired certificate", certificate: "bus-expired.pem", says: "CERT_HAS_EXPIRED" },
		{ title: "a certificate for another name", certificate: "bus-other-name.pem", says: "ERR_TLS_CERT_ALTNAME_INVALID" },
	])("AU-11 $title is refused", async ({ certificate, says }) => {
		const postgres = await startPostgres({ certificate: read(certificate), key: read("bus-key.pem") });
		const databaseUrl = (await postgres.createDatabase()).replace("127.0.0.1", "localhost");
		const env = { HOOKBUS_DATABASE_CA: read("bus-authority.pem") };
		await expect(startTestControlPlane({ natsUrl: NO_SERVER, databaseUrl, env })).rejects.toMatchObject({
			code: "database_tls_failed",
			message: expect.stringContaining(says),
		});
	});

	test("AU-11 a server without TLS is not talked to", async () => {
		const postgres = await startPostgres();
		const databaseUrl = await postgres.createDatabase();
		const env = { HOOKBUS_DATABASE_CA: read("bus-authority.pem") };
		const control = await startTestControlPlane({ natsUrl: NO_SERVER, databaseUrl, env });
		const response = await fetch(`${control.url}/readyz`, { headers: { connection: "close" } });
		expect(response.status).toBe(503);
		expect(await response.text()).toContain("database:");
	});
});

interface Script {
	/** Hears what clients send. */
	readonly onText?: (text: string) => void;
	/** Who sends no token is refused, as a server with authorization does it. */
	readonly refusesStrangers?: boolean;
}

/** Speaks as much of the protocol as a client needs to believe that it is connected. */
async function scriptedServer(
	info: object,
	{ onText = () => undefined, refusesStrangers = false }: Script = {},
): Promise<string> {
	const server = createServer((socket) => {
		socket.on("error", () => undefined);
		socket.write(`INFO ${JSON.stringify({ server_id: "X", proto: 1, max_payload: 1_048_576, headers: true, ...info })}\r\n`);
		socket.on("data", (bytes) => {
			const text = bytes.toString("latin1");
			onText(text);
			if (refusesStrangers && text.startsWith("CONNECT") && !text.includes("auth_token")) {
				socket.end("-ERR 'Authorization Violation'\r\n");
				return;
			}
			for (const _ of text.matchAll(/PING\r\n/g)) socket.write("PONG\r\n");
		});
	});
	await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
	closeAfter(() => new Promise<void>((closed) => server.close(() => closed())));
	return `nats://127.0.0.1:${(server.address() as { port: number }).port}`;
}
