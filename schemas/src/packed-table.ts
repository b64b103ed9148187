// What stands in the bucket of route tables where a table is too large for one message of NATS: not the table but where it is and
// how to know it. A runtime of an earlier release finds no route table in it, says so in its log, and goes on with the one it has.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Digest, SubjectToken } from "./identifiers.js";

/** Largest route table, in bytes of its lines. More would not be taken over by a runtime within seconds. */
export const MAX_ROUTE_TABLE_BYTES = 32 * 1024 * 1024;

/** Bytes of the compressed lines in one entry of TABLE_PART_BUCKET: small enough to hold up no event on the same connection. */
export const TABLE_PART_BYTES = 256 * 1024;

export const PackedTable = Type.Object(
	{
		spec: Type.Literal("1"),
		packed: Type.Literal("gzip-lines", {
			description:
				"Lines of a path as JSON, a tab, and the value there as JSON; all of them compressed with gzip, and cut into parts",
		}),
		tenant: SubjectToken,
		revision: Type.Integer({ minimum: 1 }),
		compiledAt: Type.String(),
		bytes: Type.Integer({ minimum: 1, maximum: MAX_ROUTE_TABLE_BYTES, description: "Bytes of the lines" }),
		packedBytes: Type.Integer({
			minimum: 1,
			maximum: 2 * MAX_ROUTE_TABLE_BYTES,
			description: "Bytes of what the parts hold together",
		}),
		digest: Digest,
	},
	{ $id: "PackedTable", description: "Where a large route table is: in parts `<tenant>.<digest>.<number from 0>`" },
);
export type PackedTable = Static<typeof PackedTable>;

const check = TypeCompiler.Compile(PackedTable);

/** True when the value says where a large route table is. Does not throw. */
export function isPackedTable(value: unknown): value is PackedTable {
	return check.Check(value);
}

/** Keys of the parts in TABLE_PART_BUCKET, in their order. */
export function tablePartKeys({ tenant, digest, packedBytes }: Pick<PackedTable, "tenant" | "digest" | "packedBytes">): string[] {
	return Array.from({ length: Math.ceil(packedBytes / TABLE_PART_BYTES) }, (_, index) => `${tenant}.${digest}.${index}`);
}
