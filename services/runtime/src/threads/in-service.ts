// What the threads of a pool have in service: images, chains as text, and the lists of users that chains name. The pool sends what is
// new to the threads that are there, and all of it to a new one, in messages of a bounded size.
import { TimeSlices } from "@hookbus/foundation";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import { encodeChain } from "./encode-chain.js";
import type { EncodedChain, StepUsers, ThreadChain, ThreadDrop, ThreadLoad, UserList } from "./thread-messages.js";

/** Characters of the chains in one message. */
const LOAD_CHARS = 128 * 1024;
/** Images in one message, when no instances are made of them. */
const LOAD_IMAGES = 32;

/** What was not in service before. */
export interface Added {
	readonly images: readonly PluginImage[];
	readonly lists: readonly UserList[];
	readonly chains: readonly EncodedChain[];
}

interface ShelvedChain extends EncodedChain {
	readonly lists: readonly StepUsers[];
}

export class InService {
	readonly #images = new Map<string, PluginImage>();
	readonly #chains = new Map<number, ShelvedChain>();
	readonly #lists = new Map<StepUsers, { readonly id: number; chains: number }>();
	#nextList = 1;

	has(image: string): boolean {
		return this.#images.has(image);
	}

	/** Takes into service what is not yet, in slices of time. */
	async add(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<Added> {
		const newImages = images.filter(({ key }) => !this.#images.has(key));
		for (const image of newImages) this.#images.set(image.key, image);
		const slices = new TimeSlices();
		const lists: UserList[] = [];
		const encoded: EncodedChain[] = [];
		for (const chain of chains) {
			if (this.#chains.has(chain.id)) continue;
			const shelved = this.#shelve(chain, lists);
			this.#chains.set(chain.id, shelved);
			encoded.push({ id: shelved.id, text: shelved.text });
			if (slices.isOver()) await slices.pause();
		}
		return { images: newImages, lists, chains: encoded };
	}

	/** What the threads may forget now. */
	remove(chains: readonly number[], images: readonly string[]): ThreadDrop {
		for (const key of images) this.#images.delete(key);
		const lists: number[] = [];
		for (const id of chains) {
			const chain = this.#chains.get(id);
			if (chain === undefined) continue;
			this.#chains.delete(id);
			for (const users of chain.lists) {
				const list = this.#lists.get(users);
				if (list === undefined) continue;
				list.chains -= 1;
				if (list.chains > 0) continue;
				this.#lists.delete(users);
				lists.push(list.id);
			}
		}
		return { images, chains, lists };
	}

	/** Everything, as it is when each message is drawn; for a new thread. Nothing in service gives no message. */
	*loads(): Iterable<ThreadLoad> {
		const lists = [...this.#lists].map(([users, { id }]) => ({ id, users }));
		yield* split({ images: this.#images.values(), lists, chains: this.#chains.values() });
	}

	#shelve(chain: ThreadChain, added: UserList[]): ShelvedChain {
		const lists = new Set<StepUsers>();
		const text = encodeChain(chain, (users) => {
			let list = this.#lists.get(users);
			if (list === undefined) {
				list = { id: this.#nextList, chains: 0 };
				this.#nextList += 1;
				this.#lists.set(users, list);
				added.push({ id: list.id, users });
			}
			if (!lists.has(users)) list.chains += 1;
			lists.add(users);
			return list.id;
		});
		return { id: chain.id, text, lists: [...lists] };
	}
}

/** Cuts what is to be sent into messages. No instances are made. */
export function* split(parts: {
	readonly images: Iterable<PluginImage>;
	readonly lists: Iterable<UserList>;
	readonly chains: Iterable<EncodedChain>;
}): Iterable<ThreadLoad> {
	const load = (part: Partial<ThreadLoad>): ThreadLoad => ({ images: [], warm: false, lists: [], chains: [], ...part });
	let images: PluginImage[] = [];
	for (const image of parts.images) {
		images.push(image);
		if (images.length < LOAD_IMAGES) continue;
		yield load({ images });
		images = [];
	}
	if (images.length > 0) yield load({ images });
	for (const list of parts.lists) yield load({ lists: [list] });
	let chains: EncodedChain[] = [];
	let chars = 0;
	for (const { id, text } of parts.chains) {
		chains.push({ id, text });
		chars += text.length;
		if (chars < LOAD_CHARS) continue;
		yield load({ chains });
		chains = [];
		chars = 0;
	}
	if (chains.length > 0) yield load({ chains });
}
