// Cursor of a page of executions: the last id of the page before, wrapped so that callers do not build on it.
import { errors } from "../errors.js";

export function encodeCursor(id: number): string {
	return Buffer.from(`e1:${id}`).toString("base64url");
}

/** @throws CodedError `cursor_invalid` */
export function decodeCursor(cursor: string): number {
	const id = /^e1:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1];
	if (id === undefined || !Number.isSafeInteger(Number(id))) {
		throw errors.cursor_invalid("the cursor is not one that this API gave out; begin again without cursor");
	}
	return Number(id);
}
