// What a check thread is asked and what it answers, one question at a time.

import type { MarketplaceIndex } from "@hookbus/schemas";

export type CheckQuestion =
	| { readonly type: "read_index"; readonly text: string; readonly publicKey: string }
	| { readonly type: "parse_manifest"; readonly text: string }
	| { readonly type: "validate"; readonly schema: Record<string, unknown>; readonly values: readonly unknown[] };

export interface SchemaFault {
	/** Which of the values. */
	readonly index: number;
	/** JSON Pointer into the value. */
	readonly path: string;
	/** Keyword of the schema that it violates. */
	readonly keyword: string;
	readonly message: string;
}

/** `unsigned`: it is an index, and the key did not sign it. */
export type IndexReading =
	| { readonly index: MarketplaceIndex; readonly digest: string }
	| { readonly fault: string }
	| { readonly unsigned: true };

export interface CheckAnswers {
	readonly read_index: IndexReading;
	readonly parse_manifest: { readonly value: unknown } | { readonly fault: string };
	readonly validate: { readonly faults: readonly SchemaFault[] };
}

/** `failed`: the check itself broke, for example by a schema that refers to itself without end. */
export type CheckReply<Type extends CheckQuestion["type"]> =
	| { readonly ok: true; readonly answer: CheckAnswers[Type] }
	| { readonly ok: false; readonly failed: string };

/** What a check thread sends: that it can be asked, once, and then an answer to each question. */
export type CheckMessage<Type extends CheckQuestion["type"]> = "ready" | CheckReply<Type>;
