// Cursor of a page of offers: the last plugin of the page before and its source.
import { unwrapCursor, wrapCursor } from "../http/page-cursor.js";
import type { OfferPlace } from "./repository.js";

export function encodeOfferCursor({ name, source }: OfferPlace): string {
	return wrapCursor(`m1:${name}:${source}`);
}

/** @throws CodedError `cursor_invalid` */
export function decodeOfferCursor(cursor: string): OfferPlace {
	const [name = "", source = ""] = unwrapCursor(cursor, /^m1:([a-z0-9-]{1,64}):([a-z0-9-]{1,32})$/);
	return { name, source };
}
