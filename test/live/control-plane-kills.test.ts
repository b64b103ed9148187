// SIGKILL to the control plane at random points of changes: what was acknowledged is there afterwards, what was not is there as a
// whole or not at all, and database, object store, bus and runtime agree.
//
// The suite kills it 12 times. All 50, and other seeds:
//   HOOKBUS_KILLS=50 HOOKBUS_KILL_SEED=7 npx vitest run --retry=0 test/live/control-plane-kills.test.ts
// Each run prints its seed and what it met.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { FILE_STREAM, STATE_STREAM, storeSubject, storeSubjects } from "@hookbus/schemas";
import connect, { type Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { rows } from "../control-plane/stored-names.js";
import type { Answer, ProblemBody } from "../support/api-client.js";
import { closeAfter } from "../support/close-after.js";
import { createDatabase } from "../support/create-database.js";
import { startTestControlPlane } from "../support/start-control-plane.js";
import { waitFor } from "../support/wait-for.js";
import { type Change, Changes, KEEPER, KINDS, type Kind, type KnownSnapshot } from "./kills/changes.js";
import { isShown, KilledFleet } from "./kills/killed-fleet.js";
import { type KnownState, shown } from "./kills/known-state.js";
import { type Choices, choicesOf } from "./kills/seeded.js";

const ALL_KILLS = Number(process.env["HOOKBUS_KILLS"] ?? 12);
const SEED = Number(process.env["HOOKBUS_KILL_SEED"] ?? Math.floor(Math.random() * 1_000_000));
/** Share of the kills that PGlite gets: its starts take several times longer. */
const PGLITE_SHARE = 0.2;
/** Milliseconds between two repetitions of a call, and how long they may take until they have an answer. */
const REPEAT_MS = 100;
const REPEAT_FOR_MS = 60_000;

const DATABASES = [
	{ kind: "PostgreSQL", kills: ALL_KILLS - Math.round(ALL_KILLS * PGLITE_SHARE), create: createDatabase },
	{ kind: "PGlite", kills: Math.round(ALL_KILLS * PGLITE_SHARE), create: async () => undefined },
];

/** What a run met, for the line that it prints. */
interface Met {
	acknowledged: number;
	/** Killed before an answer: the change was made, or was not. */
	made: number;
	notMade: number;
	/** How the repeated calls with a key were answered. */
	readonly repeated: Record<string, number>;
	readonly kinds: Partial<Record<Kind, number>>;
	killedWhileStarting: number;
}

describe.each(DATABASES)("on $kind", ({ kind, kills, create }) => {
	test(`FT-14 FT-16 ${kills} x kill -9 in changes: nothing that was acknowledged is lost, nothing is half there`, async () => {
		const seed = SEED + (kind === "PGlite" ? 1 : 0);
		const databaseUrl = await create();
		const fleet = await KilledFleet.start(databaseUrl);
		const run = new Run(fleet, databaseUrl, choicesOf(seed));
		try {
			await run.warmUp();
			for (let kill = 0; kill < kills; kill += 1) await run.killOnce();
			await run.finish();
		} catch (thrown) {
			throw new Error(`seed ${seed}, kill ${run.kills}: ${(thrown as Error).message}\n${run.log.join("\n")}\n${fleet.output()}`, {
				cause: thrown,
			});
		}
		const restarts = [...fleet.restartMs].sort((a, b) => a - b);
		const median = Math.round(restarts[Math.floor(restarts.length / 2)] ?? 0);
		console.log(`${kind}: ${kills} kills, seed ${SEED}, median restart ${median} ms, ${JSON.stringify(run.met)}`);
	}, 1_800_000);
});

class Run {
	readonly #fleet: KilledFleet;
	readonly #databaseUrl: string | undefined;
	/** The test's own connection; undefined on PGlite, which has one only. */
	readonly #sql: Sql | undefined;
	readonly #choices: Choices;
	readonly #changes: Changes;
	/** What is known from answers, and from what was there after a kill without one. */
	#known: KnownState = {};
	readonly #snapshots = new Map<string, KnownSnapshot[]>();
	/** How long changes of a kind took until their answer, in milliseconds. */
	readonly #durations = new Map<Kind, number>();
	/** Revisions of acknowledged changes. */
	readonly #acknowledged: number[] = [];
	/** The plugin that keeps something has done so since it was last installed. */
	#hasKept = false;
	readonly met: Met = { acknowledged: 0, made: 0, notMade: 0, repeated: {}, kinds: {}, killedWhileStarting: 0 };
	/** What was done, for the message of a failure. */
	readonly log: string[] = [];
	kills = 0;

	constructor(fleet: KilledFleet, databaseUrl: string | undefined, choices: Choices) {
		this.#fleet = fleet;
		this.#databaseUrl = databaseUrl;
		this.#sql = databaseUrl === undefined ? undefined : connect(databaseUrl, { max: 1, onnotice: () => undefined });
		closeAfter(() => this.#sql?.end());
		this.#choices = choices;
		this.#changes = new Changes(choices);
	}

	/** One change of each kind without a kill, so that it is known how long they take. */
	async warmUp(): Promise<void> {
		for (const kind of [...KINDS, "install", "import"] as const) await this.#calm([kind]);
	}

	/** A change, a kill somewhere in it, a restart, and a look at everything. */
	async killOnce(): Promise<void> {
		this.kills += 1;
		if (this.#choices.fraction() < 0.5) await this.#calm();
		const change = await this.#next(KINDS.filter((kind) => (this.met.kinds[kind] ?? 0) <= this.kills / KINDS.length));
		this.met.kinds[change.kind] = (this.met.kinds[change.kind] ?? 0) + 1;
		const key = randomUUID();
		const answer = await this.#killIn(change, key);
		if (this.#choices.fraction() < 0.1) {
			this.met.killedWhileStarting += 1;
			await this.#fleet.startAndKill(this.#choices.fraction() * 1_500);
		}
		await this.#fleet.restart();
		await this.#settle(change, key, answer);
		// Before the call is repeated, which could mend what the kill left.
		await this.#look();
		await this.#repeat(change, key, answer);
	}

	/** Everything is over: what was deleted is gone from every place, and every acknowledged change is in the audit log. */
	async finish(): Promise<void> {
		await this.#fleet.kill();
		// In this process, so that its rows can be read whichever database it has, and what is left over is removed at once.
		const { plane, admin, stop } = await startTestControlPlane({
			natsUrl: this.#fleet.natsUrl,
			databaseUrl: this.#databaseUrl,
			dataDir: this.#fleet.dataDir,
			relayTiming: { reconcileMs: 200, moduleGraceMs: 0 },
		});
		const api = admin.as(this.#fleet.key);
		await api.ready();
		const { database } = plane;
		await waitFor(
			"what deleted plugins kept is removed",
			async () => (await rows(database, "SELECT 1 FROM store_purges")).length === 0,
		);
		expect(await this.#fleet.state(api)).toEqual(shown(this.#known));
		await waitFor(
			"every plugin that is enabled is in the table",
			async () => (await this.#fleet.agrees(this.#known, api)).length === 0,
		);
		const digests = new Set(Object.values(this.#known).flatMap(({ versions }) => Object.values(versions)));
		await waitFor("the bus has no module that no version has", async () =>
			(await this.#fleet.modules()).every((digest) => digests.has(digest)),
		);
		await this.#requireWholeRows(database);
		await this.#requireStores();
		await stop();
	}

	async #calm(kinds?: readonly Kind[]): Promise<void> {
		const change = await this.#next(kinds);
		const started = performance.now();
		const answer = await change.send(this.#fleet.api, randomUUID());
		this.#took(change.kind, performance.now() - started);
		expect([answer.status, answer.body]).toEqual([expect.toSatisfy(isMade), expect.anything()]);
		await this.#acknowledge(change, answer);
		this.log.push(`${change.kind} ${change.plugin}: ${answer.status}`);
		if (this.kills === 0) await this.#look();
	}

	#next(kinds?: readonly Kind[]): Promise<Change> {
		return this.#changes.next(this.#known, this.#snapshots, kinds);
	}

	#took(kind: Kind, ms: number): void {
		this.#durations.set(kind, ((this.#durations.get(kind) ?? ms) + ms) / 2);
	}

	/** Kills it at a random moment of the change, or right after its answer; the answer when there was one. */
	async #killIn(change: Change, key: string): Promise<Answer | undefined> {
		const committed = await this.#watchCommit();
		const started = performance.now();
		const sent = change.send(this.#fleet.api, key).catch(() => undefined);
		const duration = this.#durations.get(change.kind) ?? 50;
		let answer: Answer | undefined;
		const when = this.#choices.fraction();
		if (when < 0.25) {
			answer = await sent;
			this.#took(change.kind, performance.now() - started);
			// While its table is on the way to the bus.
			await delay(this.#choices.fraction() * 30);
		} else if (when < 0.45 && committed !== undefined) {
			// Between the commit and the answer, which is too short to be hit by chance.
			let isAnswered = false;
			void sent.then(() => {
				isAnswered = true;
			});
			while (!isAnswered && !(await committed()));
		} else {
			await delay(this.#choices.fraction() * 1.1 * duration);
		}
		const ms = Math.round(performance.now() - started);
		await this.#fleet.kill();
		answer ??= await sent;
		this.log.push(
			`${change.kind} ${change.plugin}: killed after ${ms} of ${Math.round(duration)} ms, ${answer?.status ?? "no answer"}`,
		);
		return answer;
	}

	/** A look whether anything was committed since; undefined on PGlite. */
	async #watchCommit(): Promise<(() => Promise<boolean>) | undefined> {
		const sql = this.#sql;
		if (sql === undefined) return undefined;
		const newest = async () => String((await sql`SELECT max(id) AS id FROM audit_log`)[0]?.["id"]);
		const before = await newest();
		return async () => (await newest()) !== before;
	}

	/** An acknowledged change is there; one without an answer is there as a whole, or not at all. */
	async #settle(change: Change, key: string, answer: Answer | undefined): Promise<void> {
		const found = await this.#fleet.state();
		if (answer !== undefined) {
			expect(answer.status, `the answer to ${key}`).toSatisfy(isMade);
			expect(found).toEqual(shown(change.after));
			this.met.acknowledged += 1;
			await this.#acknowledge(change, answer);
			return;
		}
		if (isShown(found, change.after)) {
			this.met.made += 1;
			await this.#acknowledge(change, undefined);
			return;
		}
		expect(found).toEqual(shown(this.#known));
		this.met.notMade += 1;
	}

	/** Who got no answer asks again, with the same key, until there is one; afterwards the change is made, once. */
	async #repeat(change: Change, key: string, answer: Answer | undefined): Promise<void> {
		if (this.#sql !== undefined) await this.#letTimePass(this.#sql);
		const deadline = performance.now() + REPEAT_FOR_MS;
		for (;;) {
			const again = await change.send(this.#fleet.api, key);
			const { code } = again.body as ProblemBody;
			if (code === "idempotency_call_running" && performance.now() < deadline) {
				await delay(REPEAT_MS);
				continue;
			}
			const replayed = again.headers.get("idempotency-replayed") === "true";
			const how = isMade(again.status) ? (replayed ? "replayed" : "made or found") : code;
			this.met.repeated[how] = (this.met.repeated[how] ?? 0) + 1;
			expect(["replayed", "made or found", "idempotency_answer_lost"]).toContain(how);
			// A key that was answered is answered the same way again; an upload finds what it brought.
			if (answer !== undefined && change.isKeyed)
				expect([again.status, again.body, how]).toEqual([answer.status, answer.body, "replayed"]);
			if (answer !== undefined && !change.isKeyed) expect([again.status, again.body]).toMatchObject([200, { created: false }]);
			await this.#acknowledge(change, how === "idempotency_answer_lost" ? undefined : again);
			break;
		}
		expect(await this.#fleet.state()).toEqual(shown(this.#known));
	}

	/** As if the ten seconds were over after which a call without a sign of life counts as abandoned. */
	async #letTimePass(sql: Sql): Promise<void> {
		await sql`UPDATE idempotency_keys SET alive_at = 'epoch' WHERE status IS NULL`;
	}

	async #acknowledge(change: Change, answer: Answer | undefined): Promise<void> {
		const { plugin } = change;
		this.#known = change.after;
		const { revision } = (answer?.body ?? {}) as { revision?: number };
		if (revision !== undefined) this.#acknowledged.push(revision);
		if (change.kind === "delete") {
			if (plugin === KEEPER) this.#hasKept = false;
			this.#snapshots.delete(plugin);
		}
	}

	/** Compares everything, and lets the plugin that keeps something do so when it is in the table. */
	async #look(): Promise<void> {
		const held = await this.#fleet.agrees(this.#known);
		expect([[], [KEEPER]]).toContainEqual(held);
		for (const [name, { version, config }] of Object.entries(this.#known)) {
			const snapshots = this.#snapshots.get(name) ?? [];
			const revision = await this.#fleet.newestSnapshot(name);
			if (revision !== undefined && snapshots.at(-1)?.revision !== revision) snapshots.push({ revision, version, config });
			this.#snapshots.set(name, snapshots);
		}
		if (this.#hasKept || this.#known[KEEPER]?.enabled !== true || held.includes(KEEPER)) return;
		for (const kind of ["state", "files"] as const)
			await this.#fleet.connection.jetstream().publish(storeSubject(kind, "default", KEEPER, "kept"), "something");
		this.#hasKept = true;
	}

	/** What no deletion touched is there, and of what was deleted nothing is. */
	async #requireStores(): Promise<void> {
		const manager = await this.#fleet.connection.jetstreamManager();
		for (const [kind, stream] of [["state", STATE_STREAM] as const, ["files", FILE_STREAM] as const]) {
			const { state } = await manager.streams.info(stream, { subjects_filter: storeSubjects(kind, "default", KEEPER) });
			expect(Object.keys(state.subjects ?? {}).length, kind).toBe(this.#hasKept ? 1 : 0);
		}
	}

	async #requireWholeRows(database: Parameters<typeof rows>[0]): Promise<void> {
		const none = async (what: string, query: string) => expect(await rows(database, query), what).toEqual([]);
		await none(
			"versions with other bytes than their digest says",
			"SELECT plugin FROM plugin_versions WHERE encode(sha256(module), 'hex') <> digest OR length(module) <> size",
		);
		await none(
			"plugins without their current version",
			`SELECT name FROM plugins p WHERE NOT EXISTS
				(SELECT 1 FROM plugin_versions v WHERE v.tenant = p.tenant AND v.plugin = p.name AND v.version = p.version)`,
		);
		for (const table of ["plugin_versions", "plugin_grants", "plugin_configs", "plugin_snapshots", "bindings"]) {
			await none(
				`${table} of plugins that are not there`,
				`SELECT plugin FROM ${table} t WHERE NOT EXISTS (SELECT 1 FROM plugins p WHERE p.tenant = t.tenant AND p.name = t.plugin)`,
			);
		}
		await none("tables that were not sent", "SELECT revision FROM outbox WHERE sent_at IS NULL");
		const audited = await rows(database, "SELECT revision::int AS revision FROM audit_log WHERE revision IS NOT NULL");
		const revisions = audited.map(({ revision }) => Number(revision));
		expect(new Set(revisions).size, "two changes with one revision").toBe(revisions.length);
		expect(revisions).toEqual(expect.arrayContaining(this.#acknowledged));
	}
}

function isMade(status: number): boolean {
	return status === 200 || status === 201;
}
