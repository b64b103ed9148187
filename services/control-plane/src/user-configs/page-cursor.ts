// Cursor of a page of users: the last user of the page before.
import { unwrapCursor, wrapCursor } from "../http/page-cursor.js";

export function encodeUserCursor(user: string): string {
	return wrapCursor(`u1:${user}`);
}

/** @throws CodedError `cursor_invalid` */
export function decodeUserCursor(cursor: string): string {
	const [user = ""] = unwrapCursor(cursor, /^u1:([^\u0000-\u001f\u007f]{1,128})$/);
	return user;
}
