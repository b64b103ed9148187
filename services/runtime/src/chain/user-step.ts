// What a step runs for the user of an event: the plugin with the user's own configuration where there is one, else with everybody's.
// Decided in the thread, where the event is read first; whoever books a step for an event has to ask here, or its trail would name a
// version that did not run.
import type { HookEvent } from "@hookbus/schemas";
import type { ThreadChain, ThreadStep, UserImage } from "../threads/thread-messages.js";

/** The step as it is for the user of this event. */
export function stepFor(step: ThreadStep, event: Pick<HookEvent, "user">): ThreadStep {
	const own = step.users?.get(event.user?.id ?? "");
	return own === undefined ? step : { ...step, ...own, ofUser: true };
}

/** Keys of all images that these chains may run. */
export function imagesOf(chains: readonly Pick<ThreadChain, "steps">[]): Set<string> {
	const keys = new Set<string>();
	// Many steps share one list of users, and it can be long.
	const seen = new Set<ReadonlyMap<string, UserImage>>();
	for (const { image, users } of chains.flatMap(({ steps }) => steps)) {
		if (image !== undefined) keys.add(image);
		if (users === undefined || seen.has(users)) continue;
		seen.add(users);
		for (const own of users.values()) if (own.image !== undefined) keys.add(own.image);
	}
	return keys;
}

/** Key of an image that stands for the plugin of a step: everybody's, or, where that could not be loaded, that of some user. */
export function leadingImage({ image, users }: ThreadStep): string | undefined {
	if (image !== undefined || users === undefined) return image;
	for (const own of users.values()) if (own.image !== undefined) return own.image;
	return undefined;
}
