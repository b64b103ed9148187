// Asks one of the runtimes to replay an event, and waits as long as it shows that it lives: a runtime that ends in the middle is noticed
// within seconds, and one that works for long is not given up.
import { randomUUID } from "node:crypto";
import {
	isReplayFrame,
	REPLAY_SIGN_MS,
	REPLAY_SUBJECT,
	type ReplayComparison,
	type ReplayHead,
	replayAnswerSubject,
} from "@hookbus/schemas";
import { ErrorCode, type Msg, type NatsConnection, NatsError } from "nats";

/** Milliseconds of silence after which the runtime counts as gone. */
const SILENCE_MS = 3 * REPLAY_SIGN_MS;
/** Milliseconds after which a request is given up whatever happens; longer than both versions can take behind others that wait. */
const MOST_MS = 300_000;
const NO_RESPONDERS = 503;

export type AskOutcome =
	| { readonly kind: "done"; readonly comparison: ReplayComparison }
	/** The event cannot be run, by any runtime. */
	| { readonly kind: "refused"; readonly detail: string }
	/** This runtime could not, or is gone: another may. */
	| { readonly kind: "failed"; readonly detail: string }
	/** No runtime listens. */
	| { readonly kind: "nobody" };

/**
 * Rejects only when the connection is closed.
 *
 * @param signal aborted when nobody wants the answer any more: then it is `failed`
 */
export async function askRuntime(
	connection: NatsConnection,
	head: ReplayHead,
	body: Uint8Array,
	signal: AbortSignal,
): Promise<AskOutcome> {
	const subject = replayAnswerSubject(randomUUID());
	const answers = connection.subscribe(subject);
	const end = () => answers.unsubscribe();
	let silence = setTimeout(end, SILENCE_MS);
	const most = setTimeout(end, MOST_MS);
	signal.addEventListener("abort", end);
	try {
		connection.publish(REPLAY_SUBJECT, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]), { reply: subject });
		if (signal.aborted) end();
		for await (const message of answers) {
			const outcome = outcomeOf(message);
			if (outcome !== undefined) return outcome;
			clearTimeout(silence);
			silence = setTimeout(end, SILENCE_MS);
		}
		return { kind: "failed", detail: signal.aborted ? "nobody waits for it any more" : "the runtime that worked on it is gone" };
	} catch (thrown) {
		if (thrown instanceof NatsError && thrown.code === ErrorCode.MaxPayloadExceeded) {
			return { kind: "refused", detail: `with its plugin it is too large for a message of the bus (${body.length} bytes)` };
		}
		throw thrown;
	} finally {
		clearTimeout(silence);
		clearTimeout(most);
		signal.removeEventListener("abort", end);
		end();
	}
}

/** `undefined`: a sign of life. */
function outcomeOf(message: Msg): AskOutcome | undefined {
	if (message.headers?.code === NO_RESPONDERS) return { kind: "nobody" };
	const frame = parse(message);
	if (!isReplayFrame(frame)) return { kind: "failed", detail: "the runtime's answer is not valid; it may be of another release" };
	switch (frame.type) {
		case "working":
			return undefined;
		case "done":
			return { kind: "done", comparison: frame.comparison };
		case "refused":
			return { kind: "refused", detail: frame.detail };
		case "failed":
			return { kind: "failed", detail: frame.detail };
	}
}

function parse(message: Msg): unknown {
	try {
		return message.json();
	} catch {
		// Not valid, like any other answer that is none.
		return undefined;
	}
}
