// Proves the test support itself: a broken start function would make every other test lie.
import { connect } from "nats";
import postgres from "postgres";
import { beforeAll, expect, test } from "vitest";
import { createDatabase } from "../support/create-database.js";
import { type StartedNats, startNats } from "../support/start-nats.js";
import { startPostgres } from "../support/start-postgres.js";

let shared: StartedNats;
beforeAll(async () => {
	shared = await startNats();
});

test("a server that was started in beforeAll is there in every test", async () => {
	const connection = await connect({ servers: shared.url });
	await connection.flush();
	await connection.close();
});

test("a NATS server that was killed comes back on its port with its streams", async () => {
	const nats = await startNats();
	const first = await connect({ servers: nats.url });
	await (await first.jetstreamManager()).streams.add({ name: "KEPT", subjects: ["kept"] });
	await first.jetstream().publish("kept");
	const pid = nats.pid;
	await nats.kill9();
	await first.close();
	await nats.restart();
	expect(nats.pid).not.toBe(pid);
	const second = await connect({ servers: nats.url });
	expect((await (await second.jetstreamManager()).streams.info("KEPT")).state.messages).toBe(1);
	await second.close();
});

test("a paused NATS server answers only after it was resumed", async () => {
	const nats = await startNats();
	const connection = await connect({ servers: nats.url });
	nats.pause();
	let answered = false;
	const flushed = connection.flush().then(() => {
		answered = true;
	});
	await new Promise((resolve) => setTimeout(resolve, 200));
	expect(answered).toBe(false);
	nats.resume();
	await flushed;
	await connection.close();
});

test("every database is a fresh one", async () => {
	const urls = await Promise.all([createDatabase(), createDatabase()]);
	expect(urls[0]).not.toBe(urls[1]);
	for (const url of urls) {
		const sql = postgres(url, { max: 1 });
		await sql`CREATE TABLE only_here (id int)`;
		await sql.end();
	}
}, 180_000);

test("a PostgreSQL server that was killed comes back with what was committed", async () => {
	const server = await startPostgres();
	const url = await server.createDatabase();
	const before = postgres(url, { max: 1, onnotice: () => undefined });
	await before`CREATE TABLE kept (id int)`;
	await before`INSERT INTO kept VALUES (1)`;
	await server.kill9();
	await before.end({ timeout: 1 }).catch(() => undefined);
	await server.restart();
	const after = postgres(url, { max: 1 });
	expect(await after`SELECT id FROM kept`).toEqual([{ id: 1 }]);
	await after.end();
});
