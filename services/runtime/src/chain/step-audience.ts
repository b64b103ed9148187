// For which events a step is there: those of its share of conversations, and of the users who opted in. Every runtime must decide
// alike, also one of a later release: else a conversation would change between versions in its middle.
import type { HookEvent, RouteStep } from "@hookbus/schemas";
import { SHARE_BUCKETS } from "@hookbus/schemas";

/** What a step says about its audience. */
export interface StepAudience extends Pick<RouteStep, "share"> {
	/** Name of the plugin. */
	readonly name: string;
	/** Users who opted in; absent: nobody has to. */
	readonly optedIn?: ReadonlySet<string>;
}

type Asking = Pick<HookEvent, "id" | "tenant" | "conversation" | "user">;

/** False when the step is not there for this event: it leaves no trace then. */
export function isForEvent({ name, share, optedIn }: StepAudience, event: Asking): boolean {
	if (optedIn !== undefined && !optedIn.has(event.user?.id ?? "")) return false;
	if (share === undefined) return true;
	const bucket = bucketOf(event.tenant, name, event.conversation ?? event.id);
	return share.from <= bucket && bucket < share.below;
}

/**
 * A number from 0 on and below SHARE_BUCKETS, always the same for the same three. Plugins have theirs independently of each other, so
 * that it is not always the same conversations that try something new.
 *
 * @param subject id of the conversation, or of the event when it belongs to none
 */
export function bucketOf(tenant: string, plugin: string, subject: string): number {
	const text = `${tenant}\n${plugin}\n${subject}`;
	// FNV-1a over UTF-16 code units, then the finish of MurmurHash3, without which similar ids would stay near each other.
	let hash = 0x811c9dc5;
	for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return ((hash ^ (hash >>> 16)) >>> 0) % SHARE_BUCKETS;
}
