// A chain as text and back. Structured clones of a large table's steps for every thread held up the main thread for a quarter of a
// second; a text is only copied, and a thread parses it when the first event of that chain comes.
import type { ThreadChain, ThreadStep } from "./thread-messages.js";

/** A step as it stands in the text: the users who opted in are a list of their own. */
interface EncodedStep extends Omit<ThreadStep, "optedIn"> {
	readonly list?: number;
}

/** @param listOf number of the list of users who opted in */
export function encodeChain(chain: ThreadChain, listOf: (users: ReadonlySet<string>) => number): string {
	const steps = chain.steps.map((step): EncodedStep => {
		// Most steps stand there as they are: to copy one costs more than to write it.
		if (step.optedIn === undefined) return step;
		const { optedIn, ...rest } = step;
		return { ...rest, list: listOf(optedIn) };
	});
	return JSON.stringify({ ...chain, steps });
}

/** @param users the list of this number */
export function decodeChain(text: string, users: (list: number) => ReadonlySet<string>): ThreadChain {
	const chain = JSON.parse(text) as Omit<ThreadChain, "steps"> & { readonly steps: readonly EncodedStep[] };
	return {
		...chain,
		steps: chain.steps.map(({ list, image, ...step }) => ({
			...step,
			// JSON leaves it out where there is none.
			image,
			...(list === undefined ? {} : { optedIn: users(list) }),
		})),
	};
}
