// The rights of every plugin that is in service, by the key of its image. Only the main thread has it. A plugin that is tried out
// has none until its table is in service: what it asks of the host in its initialize is denied.
import type { PluginRights } from "./plugin-rights.js";

export class RightsTable {
	readonly #rights = new Map<string, PluginRights>();

	/** `undefined`: no such plugin is in service. */
	get(image: string): PluginRights | undefined {
		return this.#rights.get(image);
	}

	set(image: string, rights: PluginRights): void {
		this.#rights.set(image, rights);
	}

	/** Forgets the rights of all but these. */
	retain(images: ReadonlySet<string>): void {
		for (const image of this.#rights.keys()) {
			if (!images.has(image)) this.#rights.delete(image);
		}
	}
}
