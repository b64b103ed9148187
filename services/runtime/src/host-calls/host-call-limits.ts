// Limits of what one invocation may make the host hold: blocks of host memory, log lines, variables. They are counted per
// call and start anew with every instance.

export interface HostCallLimits {
	/** Bytes of host memory that one invocation may allocate. */
	readonly allocBytes: number;
	/** Blocks of host memory; the SDK's addresses break at 32,768. */
	readonly allocBlocks: number;
	readonly logLines: number;
	readonly logBytes: number;
	/** Longest log line in characters; the rest is cut. */
	readonly logLineLength: number;
	/** Bytes of Extism variables (`var_set`). They live as long as the invocation. */
	readonly varBytes: number;
}

/** Limits for a plugin whose results may have `outputBytes`, on an event of `inputBytes`. */
export function hostCallLimits(outputBytes: number): HostCallLimits {
	return {
		allocBytes: 4 * outputBytes + 1024 * 1024,
		allocBlocks: 10_000,
		logLines: 64,
		logBytes: 16 * 1024,
		logLineLength: 1_024,
		varBytes: 64 * 1024,
	};
}
