// A chain as text and back. Structured clones of a large table's steps for every thread held up the main thread for a quarter of a
// second; a text is only copied, and a thread parses it when the first event of that chain comes.
import type { StepUsers, ThreadChain, ThreadStep, UserImage } from "./thread-messages.js";

/** A step as it stands in the text: the users who opted in, and those with a configuration of their own, are lists by themselves. */
interface EncodedStep extends Omit<ThreadStep, "optedIn" | "users"> {
	readonly list?: number;
	readonly owners?: number;
}

/** @param listOf number of a list of users */
export function encodeChain(chain: ThreadChain, listOf: (users: StepUsers) => number): string {
	const steps = chain.steps.map((step): EncodedStep => {
		// Most steps stand there as they are: to copy one costs more than to write it.
		if (step.optedIn === undefined && step.users === undefined) return step;
		const { optedIn, users, ...rest } = step;
		return {
			...rest,
			...(optedIn === undefined ? {} : { list: listOf(optedIn) }),
			...(users === undefined ? {} : { owners: listOf(users) }),
		};
	});
	return JSON.stringify({ ...chain, steps });
}

/** The lists by their numbers. */
export interface UserLists {
	optedIn(list: number): ReadonlySet<string>;
	owners(list: number): ReadonlyMap<string, UserImage>;
}

export function decodeChain(text: string, lists: UserLists): ThreadChain {
	const chain = JSON.parse(text) as Omit<ThreadChain, "steps"> & { readonly steps: readonly EncodedStep[] };
	return {
		...chain,
		steps: chain.steps.map(({ list, owners, image, ...step }) => ({
			...step,
			// JSON leaves it out where there is none.
			image,
			...(list === undefined ? {} : { optedIn: lists.optedIn(list) }),
			...(owners === undefined ? {} : { users: lists.owners(owners) }),
		})),
	};
}
