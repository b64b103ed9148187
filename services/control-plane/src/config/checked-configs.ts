// Checks of configurations run in a thread of their own and may take seconds when a stranger's schema wants them to; a
// transaction must not be held open for that. So a change asks here for the result; when there is none yet, it is undone with
// a CheckNeeded, the check runs outside, and the change is tried again. The key covers everything that was checked, so a
// result can never be used for another configuration.
import type { FaultLocation } from "@hookbus/foundation";
import { digestOfJson } from "../canonical-json.js";
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";
import { type CheckedConfig, configFaults } from "./check-config.js";

/** Results that are kept; each is small, and a change needs its own for a moment only. */
const MAX_RESULTS = 200;

/** Thrown out of a transaction: run the check, then begin again. */
export class CheckNeeded extends Error {
	readonly run: () => Promise<void>;

	constructor(run: () => Promise<void>) {
		super("a configuration has to be checked outside of the transaction");
		this.name = "CheckNeeded";
		this.run = run;
	}
}

/** Attempts of one change; each further one because what had to be checked was changed by another change meanwhile. */
const ATTEMPTS = 5;

/**
 * Does work that may need a check first, and does it again after each.
 *
 * @param work a transaction that what it throws undoes
 * @throws CodedError `change_contended`, and what `work` throws
 */
export async function withChecks<T>(work: () => Promise<T>): Promise<T> {
	for (let attempt = 1; ; attempt += 1) {
		try {
			return await work();
		} catch (thrown) {
			if (!(thrown instanceof CheckNeeded)) throw thrown;
			if (attempt === ATTEMPTS)
				throw errors.change_contended("others changed the same configuration again and again meanwhile; try again");
			await thrown.run();
		}
	}
}

export class CheckedConfigs {
	readonly #threads: CheckThreads;
	readonly #results = new Map<string, readonly FaultLocation[]>();

	constructor(threads: CheckThreads) {
		this.#threads = threads;
	}

	/**
	 * Everything wrong with the configuration.
	 *
	 * @throws CheckNeeded when it was not checked yet
	 */
	faultsOf(checked: CheckedConfig): readonly FaultLocation[] {
		const { manifest, config, secrets, bindings, users = [], usersOnly = false } = checked;
		const overrides = bindings.map((binding) => [binding.assistant, binding.config]);
		const key = digestOfJson([manifest.config, manifest.defaults, config, secrets, overrides, users, usersOnly]);
		const known = this.#results.get(key);
		if (known !== undefined) return known;
		throw new CheckNeeded(async () => this.#keep(key, await configFaults(checked, this.#threads)));
	}

	#keep(key: string, faults: readonly FaultLocation[]): void {
		this.#results.set(key, faults);
		const [oldest] = this.#results.keys();
		if (this.#results.size > MAX_RESULTS && oldest !== undefined) this.#results.delete(oldest);
	}
}
