// Cursor of a page of users: the last user of the page before, wrapped so that callers do not build on it.
import { errors } from "../errors.js";

export function encodeUserCursor(user: string): string {
	return Buffer.from(`u1:${user}`).toString("base64url");
}

/** @throws CodedError `cursor_invalid` */
export function decodeUserCursor(cursor: string): string {
	const user = /^u1:([^\u0000-\u001f\u007f]{1,128})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
	if (user !== undefined) return user;
	throw errors.cursor_invalid("the cursor is not one that this API gave out; begin again without cursor");
}
