// Cursor of a page of offers: the last plugin of the page before and its source, wrapped so that callers do not build on it.
import { errors } from "../errors.js";
import type { OfferPlace } from "./repository.js";

export function encodeOfferCursor({ name, source }: OfferPlace): string {
	return Buffer.from(`m1:${name}:${source}`).toString("base64url");
}

/** @throws CodedError `cursor_invalid` */
export function decodeOfferCursor(cursor: string): OfferPlace {
	const [, name, source] =
		/^m1:([a-z0-9-]{1,64}):([a-z0-9-]{1,32})$/.exec(Buffer.from(cursor, "base64url").toString("latin1")) ?? [];
	if (name !== undefined && source !== undefined) return { name, source };
	throw errors.cursor_invalid("the cursor is not one that this API gave out; begin again without cursor");
}
