// Coded errors: every failure that a person or a program may see has a code, an HTTP status, and a message that names the
// thing, the value and the way out. Without one catalogue per service, codes drift and documents lie.
import { type Problem, problemType } from "@hookbus/schemas";

export interface ErrorDefinition {
	/** The error in a few words, the same for every occurrence. */
	readonly title: string;
	/** HTTP status, also used in problem documents on the bus. */
	readonly status: number;
	/** Whether the same request can succeed later without a change. */
	readonly retryable: boolean;
}

export interface FaultLocation {
	/** JSON Pointer, or the entry of an archive. */
	readonly path: string;
	readonly message: string;
}

export interface CodedErrorOptions {
	readonly cause?: unknown;
	readonly errors?: readonly FaultLocation[];
}

/** An error from a catalogue. `message` is the detail: the thing, the value, the way out. */
export class CodedError extends Error {
	readonly code: string;
	readonly definition: ErrorDefinition;
	readonly errors: readonly FaultLocation[];

	constructor(code: string, definition: ErrorDefinition, detail: string, options: CodedErrorOptions = {}) {
		super(detail, options.cause === undefined ? undefined : { cause: options.cause });
		this.name = "CodedError";
		this.code = code;
		this.definition = definition;
		this.errors = options.errors ?? [];
	}

	/** The problem document (RFC 9457) of this error. It never holds the cause or a stack. */
	toProblem(instance?: string): Problem {
		return {
			type: problemType(this.code),
			title: this.definition.title,
			status: this.definition.status,
			code: this.code,
			detail: this.message,
			...(instance === undefined ? {} : { instance }),
			...(this.errors.length === 0 ? {} : { errors: [...this.errors] }),
		};
	}
}

export type ErrorFactory<Code extends string> = {
	readonly [K in Code]: (detail: string, options?: CodedErrorOptions) => CodedError;
};

/**
 * Makes one factory per code of a catalogue: `errors.plugin_not_found("plugin x …")`.
 *
 * @param catalogue code → title, status, retryable
 */
export function defineErrors<const Code extends string>(catalogue: Readonly<Record<Code, ErrorDefinition>>): ErrorFactory<Code> {
	const factories: Partial<Record<Code, (detail: string, options?: CodedErrorOptions) => CodedError>> = {};
	for (const code of Object.keys(catalogue) as Code[]) {
		factories[code] = (detail, options) => new CodedError(code, catalogue[code], detail, options);
	}
	return factories as ErrorFactory<Code>;
}

/** A short sentence for any thrown value, safe for a log line: never a stack, at most 512 characters. */
export function describeError(thrown: unknown): string {
	const text = thrown instanceof Error ? thrown.message : String(thrown);
	return text.length > 512 ? `${text.slice(0, 511)}…` : text;
}
