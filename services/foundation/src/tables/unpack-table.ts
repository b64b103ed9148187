// Reads the lines of a packed route table, in slices of time, and checks each. What stood in the table before, letter by letter, is
// not parsed again and stays the same object: whoever prepares the table sees by that what did not change.
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
	isRoutedPlugin,
	isRouteSteps,
	isRouteTable,
	isSubjectToken,
	isUserConfig,
	type PackedTable,
	type RoutedPlugin,
	type RouteStep,
	type RouteTable,
	type UserConfig,
} from "@hookbus/schemas";
import type { CodedError } from "../define-errors.js";
import { TimeSlices } from "../time-slices.js";
import { tableFaults } from "./table-faults.js";

/** The values of a table by the text that they were parsed from; equal chains are one object, however many assistants have them. */
export interface TableMemory {
	readonly plugins: ReadonlyMap<string, RoutedPlugin>;
	readonly chains: ReadonlyMap<string, RouteStep[]>;
	readonly users: ReadonlyMap<string, UserConfig>;
}

export interface UnpackedTable {
	readonly table: RouteTable;
	readonly memory: TableMemory;
}

const decompress = promisify(gunzip);
/** Bytes that are digested in one go: a few milliseconds. */
const DIGEST_STEP = 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * @param content what the parts hold together
 * @param before of the tenant's table that was read before
 * @throws CodedError `table_corrupt`, `table_invalid`
 */
export async function unpackTable(entry: PackedTable, content: Uint8Array, before?: TableMemory): Promise<UnpackedTable> {
	const slices = new TimeSlices();
	const hash = createHash("sha256");
	for (let offset = 0; offset < content.length; offset += DIGEST_STEP) {
		hash.update(content.subarray(offset, offset + DIGEST_STEP));
		if (slices.isOver()) await slices.pause();
	}
	const digest = hash.digest("hex");
	if (digest !== entry.digest) throw tableFaults.table_corrupt(`its parts have digest ${digest} instead of ${entry.digest}`);
	const lines = await inflate(entry, content);
	const builder = new TableBuilder(before);
	for (let from = 0; from < lines.length; ) {
		const newline = lines.indexOf(NEWLINE, from);
		const to = newline < 0 ? lines.length : newline;
		builder.add(lines.toString("utf8", from, to));
		from = to + 1;
		if (slices.isOver()) await slices.pause();
	}
	return builder.finish(entry);
}

/** No more than what the entry says: a small text can stand for an endless one. */
async function inflate({ bytes }: PackedTable, content: Uint8Array): Promise<Buffer> {
	let lines: Buffer;
	try {
		lines = await decompress(content, { maxOutputLength: bytes, chunkSize: 1024 * 1024 });
	} catch (cause) {
		throw tableFaults.table_corrupt(`its parts cannot be decompressed to ${bytes} bytes`, { cause });
	}
	if (lines.length !== bytes) throw tableFaults.table_corrupt(`it has ${lines.length} bytes instead of ${bytes}`);
	return lines;
}

interface HookLines {
	/** Chains by what they are for, but those of assistants. */
	readonly parts: [string, RouteStep[]][];
	readonly assistants: [string, RouteStep[]][];
}

/** Puts the values of lines together to a table. */
class TableBuilder {
	readonly #before: TableMemory | undefined;
	readonly #plugins = new Map<string, RoutedPlugin>();
	readonly #chains = new Map<string, RouteStep[]>();
	readonly #users = new Map<string, UserConfig>();
	/** Fields that stand in one line. */
	readonly #fields: [string, unknown][] = [];
	/** Entries of the fields that are records. */
	readonly #records = new Map<string, [string, unknown][]>();
	readonly #hooks = new Map<string, HookLines>();
	/** Users with a configuration of their own, by the key of the plugin and their id. */
	readonly #usersOf = new Map<string, Map<string, UserConfig>>();

	constructor(before: TableMemory | undefined) {
		this.#before = before;
	}

	/** @throws CodedError `table_invalid` */
	add(line: string): void {
		const tab = line.indexOf("\t");
		const path: unknown = tab < 0 ? undefined : parse(line.slice(0, tab), line);
		if (!isPath(path)) throw invalid(line, "it begins with no path");
		const text = line.slice(tab + 1);
		const [field, key] = path;
		if (field === "hooks") this.#addToHooks(path, text, line);
		else if (field === "userConfigs" && key !== undefined) this.#addToUsers(path, text, line);
		else if (key === undefined) this.#fields.push([field, parse(text, line)]);
		else this.#entriesOf(field).push([key, field === "plugins" ? this.#plugin(text, line) : parse(text, line)]);
	}

	/** @throws CodedError `table_invalid` */
	finish({ tenant, revision }: PackedTable): UnpackedTable {
		const records = Object.fromEntries([...this.#records].map(([field, entries]) => [field, Object.fromEntries(entries)]));
		// Plugins, chains and users are checked; what is left is small.
		const frame: unknown = {
			...Object.fromEntries(this.#fields),
			...records,
			plugins: {},
			hooks: Object.fromEntries([...this.#hooks.keys()].map((hook) => [hook, { assistants: {} }])),
		};
		if (!isRouteTable(frame)) throw tableFaults.table_invalid("its lines are no route table of this release");
		if (frame.tenant !== tenant || frame.revision !== revision) {
			throw tableFaults.table_invalid(`it is revision ${frame.revision} of ${frame.tenant}, not ${revision} of ${tenant}`);
		}
		const hooks = [...this.#hooks].map(([hook, { parts, assistants }]) => [
			hook,
			{ ...Object.fromEntries(parts), assistants: Object.fromEntries(assistants) },
		]);
		const plugins = (records["plugins"] ?? {}) as RouteTable["plugins"];
		const users = [...this.#usersOf].map(([key, own]) => [key, [...own.values()]]);
		const table: RouteTable = {
			...frame,
			plugins,
			...(users.length === 0 ? {} : { userConfigs: Object.fromEntries(users) }),
			hooks: Object.fromEntries(hooks),
		};
		return { table, memory: { plugins: this.#plugins, chains: this.#chains, users: this.#users } };
	}

	/** Without a user it says that the plugin has none. */
	#addToUsers([, key = "", user]: readonly string[], text: string, line: string): void {
		let users = this.#usersOf.get(key);
		if (users === undefined) {
			users = new Map();
			this.#usersOf.set(key, users);
		}
		if (user === undefined) {
			if (text !== "[]") throw invalid(line, "it names no user");
			return;
		}
		if (users.has(user)) throw invalid(line, "the user has a line already");
		const config = this.#user(text, line);
		if (config.user !== user) throw invalid(line, "its value is of another user");
		users.set(user, config);
	}

	#addToHooks([, hook, part, assistant]: readonly string[], text: string, line: string): void {
		if (hook === undefined || part === undefined) throw invalid(line, "it names no hook");
		let lines = this.#hooks.get(hook);
		if (lines === undefined) {
			lines = { parts: [], assistants: [] };
			this.#hooks.set(hook, lines);
		}
		if (part !== "assistants") lines.parts.push([part, this.#steps(text, line)]);
		// Without an assistant it says that no assistant is listed.
		else if (assistant !== undefined) {
			if (!isSubjectToken(assistant)) throw invalid(line, "it names no assistant");
			lines.assistants.push([assistant, this.#steps(text, line)]);
		}
	}

	#plugin(text: string, line: string): RoutedPlugin {
		const known = this.#plugins.get(text) ?? this.#before?.plugins.get(text);
		const plugin: unknown = known ?? parse(text, line);
		if (known === undefined && !isRoutedPlugin(plugin)) throw invalid(line, "its value is no plugin of a route table");
		this.#plugins.set(text, plugin as RoutedPlugin);
		return plugin as RoutedPlugin;
	}

	#user(text: string, line: string): UserConfig {
		const known = this.#users.get(text) ?? this.#before?.users.get(text);
		const user: unknown = known ?? parse(text, line);
		if (known === undefined && !isUserConfig(user)) throw invalid(line, "its value is no configuration of a user");
		this.#users.set(text, user as UserConfig);
		return user as UserConfig;
	}

	#steps(text: string, line: string): RouteStep[] {
		const known = this.#chains.get(text) ?? this.#before?.chains.get(text);
		const steps: unknown = known ?? parse(text, line);
		if (known === undefined && !isRouteSteps(steps)) throw invalid(line, "its value is no chain");
		this.#chains.set(text, steps as RouteStep[]);
		return steps as RouteStep[];
	}

	#entriesOf(field: string): [string, unknown][] {
		let entries = this.#records.get(field);
		if (entries === undefined) {
			entries = [];
			this.#records.set(field, entries);
		}
		return entries;
	}
}

function isPath(value: unknown): value is [string, ...string[]] {
	return Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === "string");
}

function parse(text: string, line: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw invalid(line, "it is not JSON", cause);
	}
}

/** Names the line by its beginning, where the path stands: values are the tenant's own. */
function invalid(line: string, problem: string, cause?: unknown): CodedError {
	return tableFaults.table_invalid(`line ${JSON.stringify(line.slice(0, line.indexOf("\t")).slice(0, 200))}: ${problem}`, {
		cause,
	});
}
