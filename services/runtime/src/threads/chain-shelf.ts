// The chains that a thread can run: whole ones, and texts that are parsed by their first event.
import { decodeChain } from "./encode-chain.js";
import type { EncodedChain, StepUsers, ThreadChain, UserImage, UserList } from "./thread-messages.js";

const NOBODY: ReadonlySet<string> = new Set();
const NONE: ReadonlyMap<string, UserImage> = new Map();

export class ChainShelf {
	readonly #chains = new Map<number, ThreadChain | string>();
	readonly #lists = new Map<number, StepUsers>();

	put(chain: ThreadChain): void {
		this.#chains.set(chain.id, chain);
	}

	putEncoded(lists: readonly UserList[], chains: readonly EncodedChain[]): void {
		for (const { id, users } of lists) this.#lists.set(id, users);
		for (const { id, text } of chains) this.#chains.set(id, text);
	}

	get(id: number): ThreadChain | undefined {
		const shelved = this.#chains.get(id);
		if (typeof shelved !== "string") return shelved;
		const chain = decodeChain(shelved, {
			optedIn: (list) => {
				const users = this.#lists.get(list);
				return users instanceof Set ? users : NOBODY;
			},
			owners: (list) => {
				const users = this.#lists.get(list);
				return users instanceof Map ? users : NONE;
			},
		});
		this.#chains.set(id, chain);
		return chain;
	}

	drop(chains: readonly number[], lists: readonly number[]): void {
		for (const chain of chains) this.#chains.delete(chain);
		for (const list of lists) this.#lists.delete(list);
	}
}
