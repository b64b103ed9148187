// What a command ends with when it does not do what it was asked for. A script decides by the exit code and by `code` in the JSON
// output, a person by the message; anything else that is thrown is a defect of ours.

/** Exit codes of every command. */
export const EXIT = { done: 0, refused: 1, usage: 2 } as const;

export type FailureCode =
	| "usage"
	| "file_unreadable"
	| "file_exists"
	| "file_unwritable"
	| "key_invalid"
	| "package_invalid"
	| "index_invalid"
	| "signature_missing"
	| "signature_malformed"
	| "signature_other_plugin"
	| "package_altered"
	| "publisher_unknown"
	| "signature_invalid"
	| "control_plane_unreachable"
	| "control_plane_refused"
	| "keys_left";

export interface FailureOptions extends ErrorOptions {
	readonly code: FailureCode;
	/** More for the JSON output; default: nothing. */
	readonly detail?: Readonly<Record<string, unknown>>;
}

export class CliFailure extends Error {
	readonly code: FailureCode;
	readonly detail: Readonly<Record<string, unknown>>;

	constructor(message: string, { code, detail = {}, ...options }: FailureOptions) {
		super(message, options);
		this.name = "CliFailure";
		this.code = code;
		this.detail = detail;
	}

	get exitCode(): number {
		return this.code === "usage" ? EXIT.usage : EXIT.refused;
	}
}
