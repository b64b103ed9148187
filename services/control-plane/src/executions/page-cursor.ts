// Cursors of pages that end with the id of an execution (or another number) or with the name of a plugin.
import { invalidCursor, unwrapCursor, wrapCursor } from "../http/page-cursor.js";

export function encodeCursor(id: number): string {
	return wrapCursor(`e1:${id}`);
}

/** @throws CodedError `cursor_invalid` */
export function decodeCursor(cursor: string): number {
	const id = Number(unwrapCursor(cursor, /^e1:([1-9]\d{0,15})$/)[0]);
	if (!Number.isSafeInteger(id)) throw invalidCursor();
	return id;
}

export function encodePluginCursor(plugin: string): string {
	return wrapCursor(`p1:${plugin}`);
}

/** @throws CodedError `cursor_invalid` */
export function decodePluginCursor(cursor: string): string {
	const [plugin = ""] = unwrapCursor(cursor, /^p1:([a-z][a-z0-9-]{0,63})$/);
	return plugin;
}
