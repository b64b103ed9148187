// What a check thread is asked and what it answers, one question at a time.

export type CheckQuestion =
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

export interface CheckAnswers {
	readonly parse_manifest: { readonly value: unknown } | { readonly fault: string };
	readonly validate: { readonly faults: readonly SchemaFault[] };
}

/** `failed`: the check itself broke, for example by a schema that refers to itself without end. */
export type CheckReply<Type extends CheckQuestion["type"]> =
	| { readonly ok: true; readonly answer: CheckAnswers[Type] }
	| { readonly ok: false; readonly failed: string };

/** What a check thread sends: that it can be asked, once, and then an answer to each question. */
export type CheckMessage<Type extends CheckQuestion["type"]> = "ready" | CheckReply<Type>;
