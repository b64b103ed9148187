// Which conversations get which version while a rollout runs. Both versions look at the same bucket of a conversation, so each
// conversation has one of them: the candidate those from 0 up to its share, the current version the rest up to the binding's.
import { type RolloutMode, SHARE_BUCKETS } from "@hookbus/schemas";

/** Buckets from `from` on and below `below`; `undefined`: none. */
export type Share = { readonly from: number; readonly below: number } | undefined;

export const EVERYBODY: NonNullable<Share> = { from: 0, below: SHARE_BUCKETS };

/** @param percentage of all conversations */
export function shareOf(percentage: number): Share {
	return between(0, Math.round((percentage / 100) * SHARE_BUCKETS));
}

/**
 * @param bound the binding's share
 * @param percentage of it that the candidate gets
 */
export function splitShare(
	bound: Share,
	percentage: number,
	mode: RolloutMode,
): { readonly current: Share; readonly candidate: Share } {
	const below = bound?.below ?? 0;
	const border = Math.round((below * percentage) / 100);
	return { candidate: between(0, border), current: between(mode === "shadow" ? 0 : border, below) };
}

function between(from: number, below: number): Share {
	return from < below ? { from, below } : undefined;
}
