// The open live feeds of this process: how many there may be, and what wakes them. A feed reads from the database, as a page
// does, so it shows what any control plane stored, resumes from any id, and a slow reader costs a late query and no memory.
import type { Gauge } from "prom-client";
import { errors } from "../errors.js";

/** Open feeds of one tenant. */
export const MAX_FEEDS_PER_TENANT = 20;
/** Open feeds of all tenants together; each asks the database once a second. */
const MAX_FEEDS = 200;

export class LiveFeeds {
	readonly #gauge: Gauge;
	readonly #open = new Map<string, number>();
	readonly #sleepers = new Set<() => void>();
	#total = 0;

	/** @param gauge shows how many are open */
	constructor(gauge: Gauge) {
		this.#gauge = gauge;
	}

	/**
	 * Takes a place; returns the function that gives it back, which may be called more than once.
	 *
	 * @throws CodedError `too_many_live_feeds`
	 */
	enter(tenant: string): () => void {
		const open = this.#open.get(tenant) ?? 0;
		if (open >= MAX_FEEDS_PER_TENANT || this.#total >= MAX_FEEDS) {
			throw errors.too_many_live_feeds(
				open >= MAX_FEEDS_PER_TENANT
					? `this tenant has ${open} live feeds open here, as many as it may have; close one first`
					: `${this.#total} live feeds are open here, as many as there may be; try again later`,
			);
		}
		this.#count(tenant, 1);
		let inside = true;
		return () => {
			if (inside) this.#count(tenant, -1);
			inside = false;
		};
	}

	/** Executions were stored: feeds that wait look at once. */
	wake(): void {
		for (const wake of [...this.#sleepers]) wake();
	}

	/** Resolves when something was stored here, after `ms` milliseconds, or when the signal is aborted. */
	sleep(ms: number, signal: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const wake = () => {
				clearTimeout(timer);
				this.#sleepers.delete(wake);
				signal.removeEventListener("abort", wake);
				resolve();
			};
			const timer = setTimeout(wake, ms);
			this.#sleepers.add(wake);
			if (signal.aborted) wake();
			else signal.addEventListener("abort", wake);
		});
	}

	#count(tenant: string, change: 1 | -1): void {
		const open = (this.#open.get(tenant) ?? 0) + change;
		if (open === 0) this.#open.delete(tenant);
		else this.#open.set(tenant, open);
		this.#total += change;
		this.#gauge.set(this.#total);
	}
}
