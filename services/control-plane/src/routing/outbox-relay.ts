// Brings committed changes to the bus. One loop, woken by changes of this process, by a timer (changes of other processes,
// failed attempts) and by the bus becoming ready. States:
//
//   idle      waiting for a wake-up                       → running
//   running   claims unsent tables and publishes them, then removes what deleted plugins kept
//             → idle; → running again when it was woken meanwhile
//   stopped   final; a run that is under way finishes
//
// A crash between any two steps is harmless: a table that was published and not marked is found equal and marked, one that
// was claimed and not published is taken again when its claim expires, and the reconciliation at every start, after every
// reconnect and every 30 s compares everything anyway.
import { describeError } from "@hookbus/foundation";
import type { Logger } from "pino";
import type { BusLink } from "../bus/bus-link.js";
import type { Database } from "../database/database.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import { applyRecalls } from "../recalls/declare-recall.js";
import type { StorePurges } from "../stores/store-purges.js";
import { allTenants } from "../tenants/repository.js";
import { type LoadModule, ModulesOnBus } from "./modules-on-bus.js";
import { claimUnsent, countUnsent, markSent, releaseClaim, type Snapshot } from "./outbox.js";
import { publishTable } from "./publish-table.js";
import { recompileOutdated } from "./recompile-outdated.js";
import { reconcileTenant } from "./reconcile-tenant.js";
import { sweepModules } from "./sweep-modules.js";
import { TableSweep } from "./sweep-tables.js";

/** Milliseconds between two looks for unsent rows of other processes. */
const POLL_MS = 1_000;
/** Milliseconds between two comparisons of everything. */
const RECONCILE_MS = 30_000;
/** Milliseconds that a module stays on the bus after the last version that had it is gone. */
const MODULE_GRACE_MS = 10 * 60_000;
/** Milliseconds that the parts of a large table stay on the bus after another table took its place. */
const TABLE_GRACE_MS = 60_000;
/** Milliseconds after which another relay may take over a claimed row. */
const CLAIM_MS = 15_000;

export interface OutboxRelayParts {
	readonly database: Database;
	readonly link: BusLink;
	readonly loadModule: LoadModule;
	readonly purges: StorePurges;
	readonly metrics: ControlPlaneMetrics;
	readonly logger: Logger;
	readonly timing?: RelayTiming;
}

export interface RelayTiming {
	/** Milliseconds between two comparisons of everything; default 30,000. */
	readonly reconcileMs?: number;
	/** Milliseconds that a module stays on the bus after its last version is gone; default ten minutes. */
	readonly moduleGraceMs?: number;
	/** Milliseconds that the parts of a replaced large table stay on the bus; default one minute. */
	readonly tableGraceMs?: number;
}

export class OutboxRelay {
	readonly #parts: OutboxRelayParts;
	readonly #modules: ModulesOnBus;
	readonly #tableSweep: TableSweep;
	readonly #timers: NodeJS.Timeout[] = [];
	#running: Promise<void> | undefined;
	#again = false;
	#reconcileDue = false;
	#recompiled = false;
	#stopped = false;
	#stopping: Promise<void> | undefined;

	constructor(parts: OutboxRelayParts) {
		this.#parts = parts;
		this.#modules = new ModulesOnBus(parts.loadModule);
		this.#tableSweep = new TableSweep(parts.timing?.tableGraceMs ?? TABLE_GRACE_MS);
		parts.link.onReady(() => this.reconcile());
	}

	start(): void {
		this.#timers.push(setInterval(() => this.wake(), POLL_MS));
		this.#timers.push(setInterval(() => this.reconcile(), this.#parts.timing?.reconcileMs ?? RECONCILE_MS));
		this.reconcile();
	}

	/** Something was committed. Returns at once. */
	wake(): void {
		if (this.#stopped) return;
		if (this.#running !== undefined) {
			this.#again = true;
			return;
		}
		this.#running = this.#run().finally(() => {
			this.#running = undefined;
			if (this.#again) {
				this.#again = false;
				this.wake();
			}
		});
	}

	/** Compares the bus with the database for every tenant. Returns at once. */
	reconcile(): void {
		this.#reconcileDue = true;
		this.wake();
	}

	/** Publishes what is pending, once, and ends. What cannot be published stays in the database. Idempotent. */
	stop(): Promise<void> {
		this.#stopping ??= this.#finish();
		return this.#stopping;
	}

	async #finish(): Promise<void> {
		for (const timer of this.#timers) clearInterval(timer);
		this.#stopped = true;
		await this.#running;
		await this.#run();
	}

	async #run(): Promise<void> {
		const { link, database, logger, metrics, purges } = this.#parts;
		try {
			if (link.ready !== undefined && this.#reconcileDue) await this.#reconcileAll();
			const unsent = await database.acrossTenants.query(countUnsent);
			metrics.outboxPending.set(unsent);
			if (link.ready !== undefined && unsent > 0) {
				const claimed = await database.acrossTenants.transaction((queries) => claimUnsent(queries, CLAIM_MS));
				for (const snapshot of claimed) await this.#send(snapshot);
				metrics.outboxPending.set(await database.acrossTenants.query(countUnsent));
			}
			if (link.ready !== undefined && (await purges.run(link.ready))) this.#again = true;
		} catch (thrown) {
			logger.warn({ error: describeError(thrown) }, "route tables cannot be published now; they are stored and sent later");
		}
	}

	/** Stays due until it went through. */
	async #reconcileAll(): Promise<void> {
		const { database, link, logger, timing } = this.#parts;
		if (!this.#recompiled) await recompileOutdated(database, logger);
		this.#recompiled = true;
		await applyRecalls(database);
		this.#modules.forget();
		for (const tenant of await database.acrossTenants.query(allTenants)) {
			const bus = link.ready?.bus;
			if (bus === undefined) return;
			await reconcileTenant({ ...this.#parts, modules: this.#modules }, bus, tenant);
		}
		const bus = link.ready?.bus;
		if (bus === undefined) return;
		const removed = await sweepModules(bus, database, timing?.moduleGraceMs ?? MODULE_GRACE_MS);
		if (removed.length > 0) logger.info({ removed }, "modules that no version has were removed from the bus");
		const swept = await this.#tableSweep.run(bus);
		if (swept.length > 0) logger.info({ tables: swept }, "parts of replaced route tables were removed from the bus");
		this.#reconcileDue = false;
	}

	async #send(snapshot: Snapshot): Promise<void> {
		const { database, link, logger, metrics } = this.#parts;
		const { tenant, revision } = snapshot;
		const bus = link.ready?.bus;
		try {
			if (bus === undefined) throw new Error("the link to NATS broke");
			const outcome = await publishTable(bus, snapshot, this.#modules);
			metrics.tablesPublished.inc({ outcome });
			if (outcome === "published") {
				await database.of(snapshot.tenant).transaction((queries) => markSent(queries, snapshot));
				logger.info({ tenant, revision }, "route table published");
				return;
			}
			// The bus is ahead of this row: either a newer one was sent meanwhile, or the database was restored.
			await reconcileTenant({ ...this.#parts, modules: this.#modules }, bus, tenant);
		} catch (thrown) {
			metrics.tablesPublished.inc({ outcome: "failed" });
			logger.warn({ tenant, revision, error: describeError(thrown) }, "a route table could not be published; it is tried again");
			await database.of(snapshot.tenant).transaction((queries) => releaseClaim(queries, snapshot));
		}
	}
}
