// The tables that events run on now, one per tenant. A new table is swapped in as a whole; an event keeps the table that it
// began with, and a replaced table is forgotten when its last event is done.
import type { AppliedTable, EventAddress } from "@hookbus/schemas";
import type { PluginRights } from "../host-calls/plugin-rights.js";
import type { RightsTable } from "../host-calls/rights-table.js";
import { OWN_CALL_MS } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { LoadFault, ThreadChain } from "../threads/thread-messages.js";
import type { ModuleStore } from "./module-store.js";
import type { PreparedTable } from "./prepare-table.js";

/**
 * Milliseconds within which plugins are asked to shut down when the runtime stops: the last one that is asked has its whole time inside
 * the five seconds that the stop has for all.
 */
const CLOSING_MS = 5_000 - OWN_CALL_MS;

/** A table in service, with the number of events that run on it. */
export class LiveTable {
	readonly prepared: PreparedTable;
	running = 0;
	replaced = false;

	constructor(prepared: PreparedTable) {
		this.prepared = prepared;
	}

	/** The chain for an event; `undefined` when nothing is bound there. */
	chain(address: EventAddress): ThreadChain | undefined {
		const chains = this.prepared.chains.get(address.hook);
		return chains?.assistants.get(address.assistant) ?? chains?.all;
	}

	/** Each once, however many assistants have it. */
	allChains(): ThreadChain[] {
		return [...this.prepared.chains.values()].flatMap(({ bySteps }) => [...bySteps.values()]);
	}
}

/** A plugin as some tenant's events run on it. */
export interface PluginInService {
	readonly tenant: string;
	/** Of the route table that has it. */
	readonly revision: number;
	readonly image: PluginImage;
}

export class LiveTables {
	readonly #executor: ChainExecutor;
	readonly #modules: Pick<ModuleStore, "retain">;
	readonly #rights: RightsTable;
	readonly #tables = new Map<string, LiveTable>();
	/** Replaced tables that events still run on. */
	readonly #leaving = new Set<LiveTable>();
	/** Tables that are being installed. What they need may not be removed with a table that leaves in the meantime. */
	readonly #coming = new Set<LiveTable>();
	/** Keys of images that no table has any more and whose `shutdown` runs: until it ends they have rights. */
	readonly #ending = new Set<string>();
	readonly #onShutdown: (image: PluginImage, fault: LoadFault | undefined) => void;

	/** @param onShutdown a plugin's `shutdown` was run, and how it ended */
	constructor(
		executor: ChainExecutor,
		modules: Pick<ModuleStore, "retain">,
		rights: RightsTable,
		onShutdown: (image: PluginImage, fault: LoadFault | undefined) => void = () => undefined,
	) {
		this.#executor = executor;
		this.#modules = modules;
		this.#rights = rights;
		this.#onShutdown = onShutdown;
	}

	get(tenant: string): LiveTable | undefined {
		return this.#tables.get(tenant);
	}

	/** Swaps a tenant's table: installed everywhere first, then current at once. Rejects, and leaves nothing, when that fails. */
	async swap(prepared: PreparedTable): Promise<void> {
		const next = new LiveTable(prepared);
		this.#coming.add(next);
		try {
			await this.#executor.install([...prepared.images.values()], next.allChains());
		} catch (thrown) {
			this.#coming.delete(next);
			this.#remove(next);
			throw thrown;
		}
		this.#coming.delete(next);
		const old = this.#tables.get(prepared.table.tenant);
		for (const [image, rights] of prepared.rights) this.#rights.set(image, rights);
		this.#tables.set(prepared.table.tenant, next);
		if (old !== undefined) {
			old.replaced = true;
			this.#leaving.add(old);
			this.#forgetIfDone(old);
		}
	}

	/** An event begins on this table. */
	begin(table: LiveTable): void {
		table.running += 1;
	}

	/** An event that began on this table is done. */
	end(table: LiveTable): void {
		table.running -= 1;
		this.#forgetIfDone(table);
	}

	subjects(): Set<string> {
		return new Set([...this.#tables.values()].flatMap(({ prepared }) => prepared.subjects));
	}

	/** Every plugin that events may run on now. */
	inService(): PluginInService[] {
		return [...this.#tables].flatMap(([tenant, { prepared }]) =>
			[...new Set(prepared.imageOf.values())].map((image) => ({ tenant, revision: prepared.table.revision, image })),
		);
	}

	/**
	 * Lets every plugin run its `shutdown`, when no event runs any more: one after the other, as the threads do, but those that may wait
	 * beside the others. Never rejects.
	 *
	 * @param limitMs milliseconds after which no further one is asked; those that were not are reported as if theirs had failed
	 */
	async close(limitMs: number = CLOSING_MS): Promise<void> {
		const until = performance.now() + limitMs;
		const images = this.inService().map(({ image }) => image);
		const closeEach = async (some: readonly PluginImage[]) => {
			for (const image of some) {
				if (performance.now() < until) await this.#shutDown(image);
				else if (hasShutdown(image)) this.#onShutdown(image, notAsked(image, limitMs));
			}
		};
		await Promise.all([closeEach(images.filter(({ waits }) => waits)), closeEach(images.filter(({ waits }) => !waits))]);
	}

	/** Ids of the recordings that run. */
	recordings(): Set<string> {
		return new Set([...this.#tables.values()].flatMap(({ prepared }) => (prepared.table.recordings ?? []).map(({ id }) => id)));
	}

	/** What each tenant runs on, for the heartbeat. */
	applied(): Record<string, AppliedTable> {
		const applied: Record<string, AppliedTable> = {};
		for (const [tenant, { prepared }] of this.#tables) {
			applied[tenant] = { revision: prepared.table.revision, faults: [...prepared.faults] };
		}
		return applied;
	}

	#forgetIfDone(table: LiveTable): void {
		if (!table.replaced || table.running > 0 || !this.#leaving.delete(table)) return;
		this.#remove(table);
	}

	/** Takes a table out of service, but not what another one has in common with it. */
	#remove(table: LiveTable): void {
		const kept = [...this.#tables.values(), ...this.#leaving, ...this.#coming];
		const usedImages = new Set(kept.flatMap((other) => [...other.prepared.images.keys()]));
		const unused = [...table.prepared.images.values()].filter(({ key }) => !usedImages.has(key));
		// A chain that did not change from one table to the next is the same one in both.
		const usedChains = new Set(kept.flatMap((other) => other.allChains().map((chain) => chain.id)));
		const goneChains = table.allChains().filter((chain) => !usedChains.has(chain.id));
		this.#executor.remove(
			goneChains.map((chain) => chain.id),
			unused.map(({ key }) => key),
		);
		if (table.replaced) {
			const gone = [...new Set(table.prepared.imageOf.values())].filter(({ key }) => !usedImages.has(key));
			for (const image of gone) void this.#shutDown(image);
		}
		this.#retainRights();
		this.#modules.retain(
			kept.flatMap((other) => other.prepared.modules),
			table.prepared.modules,
		);
	}

	/** Runs a plugin's `shutdown`, if it has one. Never rejects. */
	async #shutDown(image: PluginImage): Promise<void> {
		if (!hasShutdown(image)) return;
		const rights = this.#rights.get(image.key);
		if (rights !== undefined) this.#rights.set(image.key, keepingNothing(rights));
		this.#ending.add(image.key);
		const fault = await this.#executor.callOwn(image, "shutdown");
		this.#ending.delete(image.key);
		this.#retainRights();
		this.#onShutdown(image, fault);
	}

	#retainRights(): void {
		const tables = [...this.#tables.values(), ...this.#leaving, ...this.#coming];
		this.#rights.retain(new Set([...tables.flatMap(({ prepared }) => [...prepared.images.keys()]), ...this.#ending]));
	}
}

function hasShutdown({ modules }: PluginImage): boolean {
	return modules.ownCalls.includes("shutdown");
}

function notAsked({ key }: PluginImage, limitMs: number): LoadFault {
	return { image: key, code: "timeout", message: `not run: after ${limitMs} ms with those of others the runtime had to stop` };
}

/** What it kept may be removed already, as that of a plugin that is gone: nothing new may come there. */
function keepingNothing(rights: PluginRights): PluginRights {
	const permissions = new Set(rights.permissions);
	permissions.delete("state");
	permissions.delete("write_files");
	return { ...rights, permissions };
}
