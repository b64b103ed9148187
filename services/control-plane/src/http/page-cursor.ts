// Cursors of pages: what the page before ended with, wrapped so that callers do not build on it. Each kind has a prefix of its own in
// its pattern, so that a cursor of another list is refused.
import { errors } from "../errors.js";

export function wrapCursor(text: string): string {
	return Buffer.from(text).toString("base64url");
}

/**
 * @param pattern of the whole text, with a group for each part
 * @returns the groups
 * @throws CodedError `cursor_invalid`
 */
export function unwrapCursor(cursor: string, pattern: RegExp): string[] {
	const match = pattern.exec(Buffer.from(cursor, "base64url").toString());
	if (match === null) throw invalidCursor();
	return match.slice(1);
}

export function invalidCursor() {
	return errors.cursor_invalid("the cursor is not one that this API gave out; begin again without cursor");
}
