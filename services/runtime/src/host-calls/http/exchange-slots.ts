// How many requests of plugins are on their way at the same time. Each holds a connection, a name server's answer and up to a whole
// response in the main thread; without a bound one plugin could take what all others need.
import type { PluginRights } from "../plugin-rights.js";
import { HTTP_LIMITS } from "./http-limits.js";
import { NoResponse } from "./no-response.js";

export class ExchangeSlots {
	#taken = 0;
	/** By tenant and plugin; none has zero. */
	readonly #takenBy = new Map<string, number>();

	/**
	 * Does the work when there is a slot left.
	 *
	 * @throws NoResponse when there is none; whatever the work throws
	 */
	async use<T>({ tenant, plugin }: Pick<PluginRights, "tenant" | "plugin">, work: () => Promise<T>): Promise<T> {
		const key = `${tenant}/${plugin}`;
		if ((this.#takenBy.get(key) ?? 0) >= HTTP_LIMITS.exchangesOfPlugin) {
			throw new NoResponse("too many requests of this plugin are on their way; try again later");
		}
		if (this.#taken >= HTTP_LIMITS.exchanges)
			throw new NoResponse("too many requests of plugins are on their way; try again later");
		this.#count(key, 1);
		try {
			return await work();
		} finally {
			this.#count(key, -1);
		}
	}

	#count(key: string, change: 1 | -1): void {
		this.#taken += change;
		const left = (this.#takenBy.get(key) ?? 0) + change;
		if (left === 0) this.#takenBy.delete(key);
		else this.#takenBy.set(key, left);
	}
}
