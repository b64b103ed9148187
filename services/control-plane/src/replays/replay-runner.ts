// Works on replays, event after event, by asking runtimes; no code of a plugin runs in this process. A replay is
//
//   running → done         every event was worked on
//           → failed       no runtime can do it, a version was recalled, the recording is gone from the bus; the row says why
//           → cancelled    somebody wanted it
//           → interrupted  this control plane stopped, or one that worked on it was not heard for half a minute
//
// Every state but the first is final. Whoever works on a replay says so in its row again and again, and looks there whether it still runs.
import { CodedError, describeError } from "@hookbus/foundation";
import { eventSubject, isExternalId, type ReplayComparison } from "@hookbus/schemas";
import type { Logger } from "pino";
import type { BusLink } from "../bus/bus-link.js";
import type { Database, Queries } from "../database/database.js";
import { pause } from "../pause.js";
import { requireNotRecalled } from "../recalls/match-recall.js";
import { RecordedEvents, type StoredEvent } from "../recordings/recorded-events.js";
import { ensureModule, type LoadModule, REPLAY_MODULE } from "../routing/modules-on-bus.js";
import { type AskOutcome, askRuntime } from "./ask-runtime.js";
import { type ReplayPlan, tableFor } from "./replay-plan.js";
import { addResult, endReplay, interruptStale, type NewResult, type ReplayRow, touchReplay } from "./repository.js";

/** Milliseconds between two signs in the row of a replay that somebody works on it. */
const SIGN_MS = 5_000;
/** Milliseconds without a sign after which nobody does. */
const STALE_MS = 30_000;
/** Milliseconds between two looks for those. */
const LOOK_MS = 10_000;
/** How often an event is given to a runtime that then cannot answer. */
const ATTEMPTS = 3;
/** Milliseconds from one attempt to the next, and how long a runtime or the bus may be missing. */
const RETRY_MS = 500;
const MISSING_MS = 30_000;

export interface ReplayRunnerParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly loadModule: LoadModule;
	readonly logger: Logger;
	/** Milliseconds between two looks for replays that nobody works on; default 10,000. */
	readonly lookMs?: number | undefined;
}

/** Why a replay ends before its end, in words for the caller. */
class ReplayEnd extends Error {}

/** It does not run any more, or nobody is to work on it here. */
class ReplayOver extends Error {}

export class ReplayRunner {
	readonly #parts: ReplayRunnerParts;
	readonly #events: RecordedEvents;
	readonly #running = new Map<string, { readonly ended: AbortController; readonly work: Promise<void> }>();
	readonly #stopping = new AbortController();
	#timer: NodeJS.Timeout | undefined;
	#looking: Promise<void> | undefined;

	constructor(parts: ReplayRunnerParts) {
		this.#parts = parts;
		this.#events = new RecordedEvents(parts.link);
	}

	start(): void {
		const look = (staleMs: number) => {
			this.#looking ??= this.#look(staleMs).finally(() => {
				this.#looking = undefined;
			});
		};
		this.#timer = setInterval(() => look(STALE_MS), this.#parts.lookMs ?? LOOK_MS);
		// PGlite is this process's alone, so whoever worked on one before is gone.
		look(this.#parts.database.kind === "pglite" ? 0 : STALE_MS);
	}

	/** Works on a replay from now on. Returns at once. */
	run(replay: ReplayRow, plan: ReplayPlan): void {
		const ended = new AbortController();
		const work = this.#work(replay, plan, ended).finally(() => this.#running.delete(replay.id));
		this.#running.set(replay.id, { ended, work });
	}

	/** Somebody ended it: nothing more is asked for it here. */
	ended(id: string): void {
		this.#running.get(id)?.ended.abort();
	}

	/** Marks what is in hand as interrupted. Idempotent. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		this.#stopping.abort();
		for (const { ended } of this.#running.values()) ended.abort();
		await Promise.all([...this.#running.values()].map(({ work }) => work));
		await this.#looking;
	}

	/** Never rejects. */
	async #look(staleMs: number): Promise<void> {
		const { database, logger } = this.#parts;
		try {
			for (const { id, tenant } of await database.acrossTenants.query((queries) => interruptStale(queries, staleMs))) {
				logger.warn({ tenant, replay: id }, "a replay was interrupted: nobody works on it any more");
			}
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "replays cannot be looked after now; tried again");
		}
	}

	/** Never rejects. */
	async #work(replay: ReplayRow, plan: ReplayPlan, ended: AbortController): Promise<void> {
		const { database, logger } = this.#parts;
		const { id, tenant } = replay;
		const sign = setInterval(() => void this.#sign(replay, ended), SIGN_MS);
		try {
			await this.#runAll(replay, plan, ended.signal);
			await database.of(tenant).transaction((queries) => endReplay(queries, id, "done"));
		} catch (thrown) {
			await this.#conclude(replay, thrown).catch((failed) =>
				logger.warn(
					{ tenant, replay: id, error: describeError(failed) },
					"the end of a replay could not be stored; it is marked later",
				),
			);
		} finally {
			clearInterval(sign);
		}
	}

	async #conclude({ id, tenant }: ReplayRow, thrown: unknown): Promise<void> {
		const { database, logger } = this.#parts;
		if (this.#stopping.signal.aborted) {
			await database
				.of(tenant)
				.transaction((queries) =>
					endReplay(queries, id, "interrupted", "the control plane that worked on it stopped; start it again"),
				);
			return;
		}
		if (thrown instanceof ReplayOver) return;
		const isExpected = thrown instanceof ReplayEnd || thrown instanceof CodedError;
		if (!isExpected) logger.error({ replay: id, error: describeError(thrown) }, "a replay failed");
		const why = isExpected ? thrown.message : "something went wrong in the control plane; its log says what";
		await database.of(tenant).transaction((queries) => endReplay(queries, id, "failed", why));
	}

	/** Never rejects. */
	async #sign({ id, tenant }: ReplayRow, ended: AbortController): Promise<void> {
		try {
			const isRunning = await this.#parts.database.of(tenant).transaction((queries) => touchReplay(queries, id));
			if (!isRunning) ended.abort();
		} catch (thrown) {
			this.#parts.logger.warn({ replay: id, error: describeError(thrown) }, "a replay cannot say now that it is worked on");
		}
	}

	async #runAll(replay: ReplayRow, plan: ReplayPlan, signal: AbortSignal): Promise<void> {
		await this.#publishModules(plan, signal);
		for (let place = 1; place <= replay.total; place += 1) {
			if (signal.aborted) throw new ReplayOver();
			const event = await this.#whileMissing(signal, "the bus", () =>
				this.#events.find({ tenant: replay.tenant, id: replay.recording }, place),
			);
			const result = await this.#resultOf(replay, plan, place, event, signal);
			await this.#store(plan, replay, result);
		}
	}

	async #store(plan: ReplayPlan, replay: ReplayRow, result: NewResult): Promise<void> {
		const isStored = await this.#parts.database.of(replay.tenant).transaction(async (queries) => {
			await refuseRecalled(queries, replay.tenant, plan);
			return await addResult(queries, result);
		});
		if (!isStored) throw new ReplayOver();
	}

	/** A version that is not current may not be on the bus; it is swept off again when no replay needs it. */
	async #publishModules(plan: ReplayPlan, signal: AbortSignal): Promise<void> {
		const { link, loadModule } = this.#parts;
		for (const module of [plan.version, plan.against].flatMap(({ plugins }) => Object.values(plugins))) {
			await this.#whileMissing(signal, "the bus", async () => {
				if (link.ready === undefined) throw new ReplayEnd("the bus is not available");
				await ensureModule(link.ready.bus.modules, module, loadModule, REPLAY_MODULE);
			});
		}
	}

	async #resultOf(
		{ id, tenant }: ReplayRow,
		plan: ReplayPlan,
		place: number,
		event: StoredEvent | undefined,
		signal: AbortSignal,
	): Promise<NewResult> {
		const base = { replay: id, place };
		if (event === undefined) return { ...base, result: "refused", detail: "it is not on the bus any more" };
		const { address, body } = event;
		const { eventId, user } = partsOf(body);
		const named = { ...base, ...(eventId === undefined ? {} : { eventId }), hook: address.hook, assistant: address.assistant };
		const version = tableFor(plan.version, address, user);
		const against = tableFor(plan.against, address, user);
		if (version === undefined && against === undefined) return { ...named, result: "skipped" };
		const head = {
			spec: "1" as const,
			subject: eventSubject({ ...address, tenant }),
			...(version === undefined ? {} : { version }),
			...(against === undefined ? {} : { against }),
		};
		const outcome = await this.#ask(head, body, signal);
		return outcome.kind === "done"
			? { ...named, ...resultOf(outcome.comparison) }
			: { ...named, result: "refused", detail: outcome.detail };
	}

	/** Asks until a runtime has done it. */
	async #ask(
		head: Parameters<typeof askRuntime>[1],
		body: Uint8Array,
		signal: AbortSignal,
	): Promise<Extract<AskOutcome, { kind: "done" | "refused" }>> {
		let attempts = 0;
		return await this.#whileMissing(signal, "a runtime", async () => {
			for (;;) {
				const { ready } = this.#parts.link;
				if (ready === undefined) throw new ReplayEnd("the bus is not available");
				const outcome = await askRuntime(ready.connection, head, body, signal);
				if (signal.aborted) throw new ReplayOver();
				if (outcome.kind === "nobody") throw new ReplayEnd("no runtime takes replays");
				if (outcome.kind !== "failed") return outcome;
				attempts += 1;
				if (attempts >= ATTEMPTS) throw new GivenUp(`an event could not be replayed in ${ATTEMPTS} attempts: ${outcome.detail}`);
				await pause(RETRY_MS, signal);
			}
		});
	}

	/** Tries on for a while when something is missing that may come back. */
	async #whileMissing<T>(signal: AbortSignal, what: string, work: () => Promise<T>): Promise<T> {
		const deadline = performance.now() + MISSING_MS;
		for (;;) {
			const missing = await work().then(
				(value) => ({ value }),
				(thrown) => {
					if (isMissing(thrown)) return thrown;
					throw thrown;
				},
			);
			if (!(missing instanceof Error)) return missing.value;
			if (performance.now() > deadline)
				throw new ReplayEnd(`${what} was missing for ${MISSING_MS / 1_000} s: ${missing.message}`);
			await pause(RETRY_MS, signal);
			if (signal.aborted) throw new ReplayOver();
		}
	}
}

/** It may come back. */
function isMissing(thrown: unknown): thrown is Error {
	if (thrown instanceof CodedError) return thrown.code === "bus_unavailable";
	return thrown instanceof ReplayEnd && !(thrown instanceof GivenUp);
}

/** Trying on would not help. */
class GivenUp extends ReplayEnd {}

async function refuseRecalled(queries: Queries, tenant: string, plan: ReplayPlan): Promise<void> {
	for (const table of [plan.version, plan.against]) {
		for (const { name, version, digest } of Object.values(table.plugins)) {
			await requireNotRecalled(queries, tenant, { plugin: name, version, digest });
		}
	}
}

function resultOf(
	comparison: ReplayComparison,
): Pick<NewResult, "result" | "comparison" | "versionOk" | "againstOk" | "versionMs" | "againstMs"> {
	const { version, against, differences } = comparison;
	if (version === undefined && against === undefined) return { result: "skipped" };
	const okOf = (side: typeof version) => (side === undefined ? null : side.outcome === "ok" ? 1 : 0);
	return {
		result: differences.length === 0 ? "same" : "different",
		comparison,
		versionOk: okOf(version),
		againstOk: okOf(against),
		versionMs: version?.durationMs ?? null,
		againstMs: against?.durationMs ?? null,
	};
}

function partsOf(body: Uint8Array): { eventId?: string; user?: string } {
	try {
		const { id, user } = JSON.parse(Buffer.from(body).toString("utf8")) as { id?: unknown; user?: { id?: unknown } };
		return { ...(isExternalId(id) ? { eventId: id } : {}), ...(typeof user?.id === "string" ? { user: user.id } : {}) };
	} catch {
		// No JSON, so it has neither; the runtime says what is wrong with it.
		return {};
	}
}
