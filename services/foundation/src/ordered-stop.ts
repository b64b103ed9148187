// Stopping is a list of named steps that run in order: stop intake, finish, reply, flush, close. A service that closes
// in another order loses what was in flight, so the order stands in one place.
import type { Logger } from "pino";
import { describeError } from "./define-errors.js";

export interface StopStep {
	readonly name: string;
	/** Milliseconds after which the step is given up and the next begins. */
	readonly timeoutMs: number;
	run(): Promise<void> | void;
}

/**
 * Makes an idempotent `stop()`: later calls get the promise of the first. A step that fails or takes too long is logged
 * and does not keep the following ones from running; all failures come back together.
 */
export function createOrderedStop(steps: readonly StopStep[], logger: Logger): () => Promise<void> {
	let stopping: Promise<void> | undefined;
	return () => {
		stopping ??= runSteps(steps, logger);
		return stopping;
	};
}

async function runSteps(steps: readonly StopStep[], logger: Logger): Promise<void> {
	const failures: Error[] = [];
	for (const step of steps) {
		const started = performance.now();
		try {
			await withTimeout(step);
			logger.debug({ step: step.name, ms: Math.round(performance.now() - started) }, "stop step done");
		} catch (thrown) {
			logger.error({ step: step.name, error: describeError(thrown) }, "stop step failed");
			failures.push(new Error(`stop step "${step.name}": ${describeError(thrown)}`, { cause: thrown }));
		}
	}
	if (failures.length > 0) throw new AggregateError(failures, failures.map((failure) => failure.message).join("; "));
}

function withTimeout(step: StopStep): Promise<void> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error(`not done after ${step.timeoutMs} ms`)), step.timeoutMs);
		Promise.resolve()
			.then(() => step.run())
			.then(resolve, reject)
			.finally(() => clearTimeout(timer));
	});
}
