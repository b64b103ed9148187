// How one thing that a plugin keeps stands in the stream: the value is the message's body, the end of its life a header. A
// removed one is a message without a body whose life ended before time began, so that there is one way to be gone and every
// runtime that follows the stream learns of it.
import { headers, type MsgHdrs } from "nats";

/** Milliseconds since 1970 from which on the entry counts as absent. No header: it is kept for ever. */
const EXPIRES = "Hookbus-Expires";

/** The expiry of what is kept for ever. */
export const FOR_EVER = Number.POSITIVE_INFINITY;

/** The expiry of what was removed. No clock that is slow takes it for something that is still there. */
export const REMOVED = 0;

export function expiryHeaders(expiresAt: number): MsgHdrs {
	const made = headers();
	if (expiresAt !== FOR_EVER) made.set(EXPIRES, String(Math.ceil(expiresAt)));
	return made;
}

export function readExpiry(from: MsgHdrs | undefined): number {
	const text = from?.get(EXPIRES) ?? "";
	const expiresAt = Number(text);
	return text === "" || Number.isNaN(expiresAt) ? FOR_EVER : expiresAt;
}

/** Since when, or from when on, something with this expiry is gone; what was removed, since its message. */
export function goneFrom(expiresAt: number, messageTime: number, now: number): number {
	return expiresAt === REMOVED ? Math.min(messageTime, now) : expiresAt;
}
