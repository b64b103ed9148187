// Bounds how many plugins have an instance in this thread. Each takes two Wasm memories, and a process has address space for some
// thirteen thousand; beyond that nobody gets an instance any more. The one that was used longest ago gives its own up.
import type { LoadedPlugin } from "../plugin-host/loaded-plugin.js";

export class RecentPlugins {
	readonly #most: number;
	/** In the order of their last use. */
	readonly #plugins = new Set<LoadedPlugin>();

	/** @param most plugins that may have an instance; at least 1 */
	constructor(most: number) {
		this.#most = most;
	}

	/** Says that a plugin has, or is about to have, an instance. */
	use(plugin: LoadedPlugin): void {
		this.#plugins.delete(plugin);
		this.#plugins.add(plugin);
		if (this.#plugins.size <= this.#most) return;
		const [oldest] = this.#plugins;
		if (oldest === undefined) return;
		this.#plugins.delete(oldest);
		oldest.release();
	}

	forget(plugin: LoadedPlugin): void {
		this.#plugins.delete(plugin);
	}
}
