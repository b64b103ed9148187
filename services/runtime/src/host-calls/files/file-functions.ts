// Files that a plugin keeps, by path, the same on every runtime. There are no directories; a prefix of paths serves as one.
import type { HostCallType, RequestOf } from "../host-call.js";
import type { HostFunction } from "../host-function.js";
import { checkText } from "../store/kept-name.js";
import { checkSize } from "../store/kept-value.js";
import type { PluginStore } from "../store/plugin-store.js";
import { FOR_EVER } from "../store/stored-entry.js";
import { checkPath } from "./file-path.js";

const CALLS_PER_INVOCATION = 16;
const MAX_FILE_BYTES = 512 * 1024;
/** Most paths in one list: the first ones. A longer prefix finds the others. */
const MAX_LISTED = 1_000;

type FileFunction<Type extends HostCallType> = HostFunction<Type, RequestOf<Type>>;

export interface FileFunctions {
	readonly file_read: FileFunction<"file_read">;
	readonly file_write: FileFunction<"file_write">;
	readonly file_delete: FileFunction<"file_delete">;
	readonly file_list: FileFunction<"file_list">;
}

export function createFileFunctions(store: PluginStore): FileFunctions {
	return {
		file_read: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkPath("file_read", request.path);
				return request;
			},
			async run({ path }, rights, { signal }) {
				const { value } = await store.read(rights, path, signal);
				return { content: value };
			},
		},
		file_write: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkPath("file_write", request.path);
				checkSize("file_write: the file", request.content, MAX_FILE_BYTES);
				return request;
			},
			async run({ path, content }, rights, { signal }) {
				const write = { value: content, expiresAt: FOR_EVER, limitBytes: rights.limits.fileBytes };
				return { kept: (await store.write(rights, path, write, signal)) === "kept" };
			},
		},
		file_delete: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkPath("file_delete", request.path);
				return request;
			},
			async run({ path }, rights, { signal }) {
				await store.remove(rights, path, rights.limits.fileBytes, signal);
				return {};
			},
		},
		file_list: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkText("file_list: the prefix", request.prefix);
				return request;
			},
			async run({ prefix }, rights, { signal }) {
				return { paths: await store.names(rights, prefix, MAX_LISTED, signal) };
			},
		},
	};
}
