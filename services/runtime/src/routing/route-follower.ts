// Follows the route tables in the key-value bucket: what changes there is prepared, swapped in, subscribed to, and reported.
// A watch brings changes at once; a look at all keys after every reconnect and every few seconds brings what a watch may
// have missed. Each tenant's changes are applied one after the other, and only the newest of those that wait.

import { CodedError, describeError, type TableMemory, type TableParts, TimeSlices, unpackTable } from "@hookbus/foundation";
import {
	isPackedTable,
	isRouteTable,
	NOT_TRIED_YET,
	type PackedTable,
	type RoutedPlugin,
	type RouteTable,
} from "@hookbus/schemas";
import type { KV, KvEntry } from "nats";
import type { Logger } from "pino";
import type { LiveTables } from "./live-tables.js";
import { type PreparedTable, type PrepareParts, prepareTable } from "./prepare-table.js";

/** Milliseconds between two looks at all keys. */
const RESYNC_MS = 10_000;
/** Milliseconds before a table whose plugins failed for a passing reason is tried again. */
const RETRY_MS = 2_000;
/** Causes that can pass by themselves. */
const PASSING = new Set(["module_unavailable", "module_corrupt", NOT_TRIED_YET]);

/** A table in one of its two forms: itself, or where its parts are. */
type HeldTable = RouteTable | PackedTable;

export interface RouteFollowerParts extends PrepareParts {
	readonly routes: KV;
	readonly tableParts: Pick<TableParts, "read">;
	readonly tables: LiveTables;
	/** Called before a plugin is made ready that begins here, or that is not as it was: nothing of before counts for it. */
	readonly onBegin: (tenant: string, plugin: string) => void;
	/** Called after a swap: subscribe to what is bound now, and report. */
	readonly onApplied: (tenant: string) => Promise<void>;
}

export class RouteFollower {
	readonly #parts: RouteFollowerParts;
	readonly #logger: Logger;
	readonly #queued = new Map<string, HeldTable>();
	/** What was read of each tenant's large table. */
	readonly #memories = new Map<string, TableMemory>();
	/** The entry of each key that was looked at last; one that is still the same is not parsed again. */
	readonly #looked = new Map<string, string>();
	readonly #busy = new Map<string, Promise<void>>();
	readonly #current = new Map<string, PreparedTable>();
	readonly #retries = new Set<NodeJS.Timeout>();
	#resync: NodeJS.Timeout | undefined;
	#watch: { stop(): void } | undefined;
	#stopped = false;

	constructor(parts: RouteFollowerParts) {
		this.#parts = parts;
		this.#logger = parts.logger;
	}

	/** Applies all tables that exist now, and follows the changes from here on. */
	async start(): Promise<void> {
		await this.resync();
		await this.#startWatch();
		this.#resync = setInterval(() => void this.resync(), RESYNC_MS);
	}

	/** Looks at all keys; also after a reconnect. Never rejects. */
	async resync(): Promise<void> {
		try {
			const keys: string[] = [];
			for await (const key of await this.#parts.routes.keys()) keys.push(key);
			for (const key of keys) {
				const entry = await this.#parts.routes.get(key);
				if (entry !== null) this.#consider(entry);
			}
			await Promise.all(this.#busy.values());
		} catch (thrown) {
			this.#logger.warn({ error: describeError(thrown) }, "route tables cannot be read now; the ones in service go on");
		}
	}

	stop(): void {
		this.#stopped = true;
		clearInterval(this.#resync);
		for (const timer of this.#retries) clearTimeout(timer);
		this.#watch?.stop();
	}

	async #startWatch(): Promise<void> {
		try {
			const watch = await this.#parts.routes.watch();
			this.#watch = watch;
			void this.#follow(watch);
		} catch (thrown) {
			this.#logger.warn({ error: describeError(thrown) }, "route tables cannot be watched now");
			this.#restartWatch();
		}
	}

	async #follow(watch: AsyncIterable<KvEntry>): Promise<void> {
		try {
			for await (const entry of watch) this.#consider(entry);
		} catch (thrown) {
			this.#logger.warn({ error: describeError(thrown) }, "the watch on the route tables ended");
		}
		this.#restartWatch();
	}

	#restartWatch(): void {
		if (!this.#stopped) this.#later(RETRY_MS, () => void this.#startWatch());
	}

	#later(ms: number, run: () => void): void {
		const timer = setTimeout(() => {
			this.#retries.delete(timer);
			if (!this.#stopped) run();
		}, ms);
		this.#retries.add(timer);
	}

	#consider(entry: KvEntry): void {
		if (entry.operation !== "PUT") return;
		const seen = `${entry.revision} ${entry.created.getTime()}`;
		if (this.#looked.get(entry.key) === seen) return;
		this.#looked.set(entry.key, seen);
		const table = this.#parse(entry);
		if (table !== undefined && this.#isNews(table)) this.#enqueue(table);
	}

	#isNews({ tenant, revision }: HeldTable): boolean {
		return revision > (this.#queued.get(tenant)?.revision ?? this.#current.get(tenant)?.table.revision ?? 0);
	}

	#enqueue(table: HeldTable): void {
		this.#queued.set(table.tenant, table);
		if (this.#busy.has(table.tenant)) return;
		const work = this.#applyQueued(table.tenant).finally(() => this.#busy.delete(table.tenant));
		this.#busy.set(table.tenant, work);
	}

	#parse(entry: KvEntry): HeldTable | undefined {
		try {
			const value: unknown = entry.json();
			if ((isPackedTable(value) || isRouteTable(value)) && value.tenant === entry.key) return value;
			this.#logger.error({ key: entry.key, revision: entry.revision }, "a route table is not valid; the one in service goes on");
		} catch (thrown) {
			this.#logger.error(
				{ key: entry.key, error: describeError(thrown) },
				"a route table is not JSON; the one in service goes on",
			);
		}
		return undefined;
	}

	async #applyQueued(tenant: string): Promise<void> {
		for (;;) {
			const table = this.#queued.get(tenant);
			if (table === undefined || this.#stopped) return;
			try {
				await this.#apply(table);
			} catch (thrown) {
				this.#logger.error(
					{ tenant, revision: table.revision, error: describeError(thrown) },
					"a route table could not be applied",
				);
				// Another one may have come meanwhile; a table that is no table stays none.
				const isOver = thrown instanceof CodedError && thrown.code === "table_invalid";
				if (!isOver) {
					this.#later(RETRY_MS, () => {
						if (this.#isNews(table)) this.#enqueue(table);
					});
				}
			}
			if (this.#queued.get(tenant) === table) this.#queued.delete(tenant);
		}
	}

	/** Nothing of a large table that cannot be read takes the place of the one in service. */
	async #read(held: HeldTable): Promise<{ readonly table: RouteTable; readonly memory: TableMemory | undefined }> {
		if (!isPackedTable(held)) return { table: held, memory: undefined };
		const content = await this.#parts.tableParts.read(held);
		return await unpackTable(held, content, this.#memories.get(held.tenant));
	}

	async #apply(held: HeldTable): Promise<void> {
		const started = performance.now();
		// Each of the steps is short or cut into slices; without a pause between them the short ones would add up.
		const slices = new TimeSlices();
		const { table, memory } = await this.#read(held);
		await slices.pause();
		const previous = this.#current.get(table.tenant);
		for (const plugin of beginningIn(table, previous?.table)) this.#parts.onBegin(table.tenant, plugin);
		const prepared = await prepareTable(table, previous, this.#parts);
		await slices.pause();
		await this.#parts.tables.swap(prepared);
		this.#current.set(table.tenant, prepared);
		if (memory === undefined) this.#memories.delete(table.tenant);
		else this.#memories.set(table.tenant, memory);
		await slices.pause();
		await this.#parts.onApplied(table.tenant);
		this.#logger.info(
			{
				tenant: table.tenant,
				revision: table.revision,
				plugins: prepared.images.size,
				faults: prepared.faults.length,
				ms: Math.round(performance.now() - started),
			},
			"route table in service",
		);
		if (prepared.faults.some((fault) => PASSING.has(fault.code))) {
			this.#later(RETRY_MS, () => {
				if (this.#current.get(table.tenant) === prepared && !this.#queued.has(table.tenant)) this.#enqueue(held);
			});
		}
	}
}

/** Names of the plugins that were not in the table before, or not like this. */
function beginningIn(table: RouteTable, before: RouteTable | undefined): Set<string> {
	const keyOf = ({ name, configRevision }: RoutedPlugin) => `${name} ${configRevision}`;
	const known = new Set(Object.values(before?.plugins ?? {}).map(keyOf));
	return new Set(Object.values(table.plugins).flatMap((plugin) => (known.has(keyOf(plugin)) ? [] : [plugin.name])));
}
