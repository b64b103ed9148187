// Cursors of pages: what the page before ended with (the id of an execution, the name of a plugin), wrapped so that callers do
// not build on it.
import { errors } from "../errors.js";

export function encodeCursor(id: number): string {
	return Buffer.from(`e1:${id}`).toString("base64url");
}

/** @throws CodedError `cursor_invalid` */
export function decodeCursor(cursor: string): number {
	const id = /^e1:([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1];
	if (id === undefined || !Number.isSafeInteger(Number(id))) throw invalid();
	return Number(id);
}

export function encodePluginCursor(plugin: string): string {
	return Buffer.from(`p1:${plugin}`).toString("base64url");
}

/** @throws CodedError `cursor_invalid` */
export function decodePluginCursor(cursor: string): string {
	const plugin = /^p1:([a-z][a-z0-9-]{0,63})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1];
	if (plugin === undefined) throw invalid();
	return plugin;
}

function invalid() {
	return errors.cursor_invalid("the cursor is not one that this API gave out; begin again without cursor");
}
