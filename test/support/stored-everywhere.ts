// Everything that a deployment has stored, as text: every row of every table, every message of every stream, which is what key-value
// buckets and object stores are made of, and every file. For tests that look for something that must not be anywhere.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "nats";

export interface Stored {
	/** Such as `table plugins` or `stream KV_HOOKBUS_ROUTES`. */
	readonly where: string;
	readonly text: string;
}

/** Runs a query and answers its rows. */
export type RunQuery = (query: string) => Promise<readonly Record<string, unknown>[]>;

/** Every table of the database, one entry for each, with its rows as PostgreSQL writes them. */
export async function storedInTables(run: RunQuery): Promise<Stored[]> {
	const tables = await run("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1");
	const found: Stored[] = [];
	for (const { name } of tables) {
		const lines = await run(`SELECT t::text AS line FROM "${String(name)}" t`);
		found.push({ where: `table ${String(name)}`, text: lines.map(({ line }) => String(line)).join("\n") });
	}
	return found;
}

/** Every stream, one entry for each: subjects, headers and data of its messages. */
export async function storedInStreams(connection: NatsConnection): Promise<Stored[]> {
	const manager = await connection.jetstreamManager();
	const found: Stored[] = [];
	for await (const { config, state } of manager.streams.list()) {
		const texts: string[] = [];
		for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
			const message = await manager.streams.getMessage(config.name, { seq }).catch(() => undefined);
			if (message === undefined) continue;
			const headers = [...(message.header ?? [])].flatMap(([key, values]) => [key, ...values]);
			texts.push([message.subject, ...headers, Buffer.from(message.data).toString("latin1")].join("\n"));
		}
		found.push({ where: `stream ${config.name}`, text: texts.join("\n") });
	}
	return found;
}

/** Every file below these directories, one entry for each. */
export function storedInFiles(...directories: readonly string[]): Stored[] {
	return directories
		.flatMap((directory) => readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name)))
		.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
		.map((path) => ({ where: path, text: readFileSync(path, "latin1") }));
}

/** Where a text stands, also as its base64 and as JSON would write it. */
export function whereFound(stored: readonly Stored[], needle: string): string[] {
	const bytes = Buffer.from(needle);
	const forms = [needle, JSON.stringify(needle).slice(1, -1), bytes.toString("hex"), bytes.toString("base64").replace(/=+$/, "")];
	return stored.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => where);
}
