// The parts of large route tables in their bucket. They are written before the entry that names them and removed a while after the
// last one that did, so that whoever reads an entry finds its parts; a crash in between leaves parts that nobody needs.
import { type PackedTable, TABLE_PART_BUCKET, TABLE_PART_BYTES, tablePartKeys } from "@hookbus/schemas";
import type { JetStreamManager, KV } from "nats";
import type { PackedDocument } from "./pack-table.js";
import { tableFaults } from "./table-faults.js";

const STREAM = `KV_${TABLE_PART_BUCKET}`;

export class TableParts {
	readonly #bucket: KV;
	readonly #manager: JetStreamManager;

	constructor(bucket: KV, manager: JetStreamManager) {
		this.#bucket = bucket;
		this.#manager = manager;
	}

	/** What the parts hold together. @throws CodedError `table_missing`; rejects when the bus cannot be reached */
	async read(entry: PackedTable): Promise<Uint8Array> {
		const parts: Uint8Array[] = [];
		for (const key of tablePartKeys(entry)) {
			const part = await this.#bucket.get(key);
			if (part === null || part.operation !== "PUT") {
				throw tableFaults.table_missing(`part ${key} is not on the bus; the control plane puts it there again within 30 s`);
			}
			parts.push(part.value);
		}
		return Buffer.concat(parts);
	}

	/** Puts the parts that are missing or damaged. */
	async write({ entry, content }: PackedDocument): Promise<void> {
		for (const [index, key] of tablePartKeys(entry).entries()) {
			const part = content.subarray(index * TABLE_PART_BYTES, (index + 1) * TABLE_PART_BYTES);
			const held = await this.#bucket.get(key);
			if (held === null || held.operation !== "PUT" || Buffer.compare(held.value, part) !== 0) await this.#bucket.put(key, part);
		}
	}

	/** The tables that have parts here: `<tenant>.<digest>`. */
	async list(): Promise<Set<string>> {
		const { state } = await this.#manager.streams.info(STREAM, { subjects_filter: `${subjectOf(">")}` });
		const begin = subjectOf("").length;
		return new Set(Object.keys(state.subjects ?? {}).map((subject) => subject.slice(begin, subject.lastIndexOf("."))));
	}

	/** @param table as {@link list} names it */
	async remove(table: string): Promise<void> {
		await this.#manager.streams.purge(STREAM, { filter: subjectOf(`${table}.>`) });
	}
}

function subjectOf(key: string): string {
	return `$KV.${TABLE_PART_BUCKET}.${key}`;
}
