// Files of the plugin's own: contents by path, for this plugin and tenant alone, the same on every runtime. There is no
// directory behind them, and no path leads to a file of anybody else.
import { Json } from "../json/json";
import { decodeText, encodeUtf8 } from "../json/utf8";
import { file_delete, file_list, file_read, file_write } from "./host-imports";
import { readBlock, storeBytes, storeText } from "./host-memory";

/**
 * Permission `write_files`. A path is a text of 1 to 256 bytes in UTF-8 such as `notes/2026.txt`: parts joined by slashes, none of
 * them empty, `.` or `..`, no control characters. A file has at most 512 KiB, and all paths and files together have at most
 * `limits.fileBytes` of the manifest. Each function can be called 16 times in one call of the plugin. Without the permission,
 * inside `initialize`, and with too many calls, the plugin's call ends as `denied`; with a path or content that is none, as
 * `guest_error`; when the bus does not answer, as `host_error`. Waiting for the host is part of the plugin's time limit.
 */
export class Files {
	/** The text of a file; null when there is no such file. Bytes that are not UTF-8 become U+FFFD. */
	static read(path: string): string | null {
		const content = Files.readBytes(path);
		return content !== null ? decodeText(content) : null;
	}

	/** The bytes of a file; null when there is no such file. */
	static readBytes(path: string): ArrayBuffer | null {
		const block = file_read(storeText(path));
		return block != 0 ? readBlock(block) : null;
	}

	/**
	 * Writes a file, in place of what was there.
	 *
	 * @returns false when there is no room; then what was there stays
	 */
	static write(path: string, content: string): bool {
		return Files.writeBytes(path, encodeUtf8(content));
	}

	/** As {@link write}, for bytes. */
	static writeBytes(path: string, content: ArrayBuffer): bool {
		return file_write(storeText(path), storeBytes(content)) == 0;
	}

	/** Removes a file, if there is one. */
	static delete(path: string): void {
		file_delete(storeText(path));
	}

	/** The paths that begin with a text, in their order and at most 1,000; any path when it is empty. */
	static list(prefix: string = ""): Array<string> {
		const parsed = Json.read(readBlock(file_list(storeText(prefix))));
		const list = parsed.value;
		if (list === null) throw new Error(`file_list: ${parsed.fault}`);
		const paths: Array<string> = [];
		for (let index = 0; index < list.size; index++) paths.push(list.at(index).asString());
		return paths;
	}
}
