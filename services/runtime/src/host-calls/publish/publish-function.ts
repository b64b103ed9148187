// Events of a plugin's own, for whoever listens. Their subjects begin with what the host knows of the plugin and have no meaning
// to any runtime, so a plugin can neither start another one by them nor itself: there are no loops, and nothing to count hops for.
import { publishedSubject } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { BUS_TIMEOUT_MS, busFailure } from "../bus-failure.js";
import { BusLink } from "../bus-link.js";
import { failed, invalid } from "../host-call-errors.js";
import type { HostFunction } from "../host-function.js";
import { quoted } from "../store/kept-name.js";
import { checkSize } from "../store/kept-value.js";
import { untilAborted } from "../until-aborted.js";

const CALLS_PER_INVOCATION = 16;
const MAX_BODY_BYTES = 64 * 1024;
/** Four words of 64 characters, with the dots between them, have one less. */
const MAX_TOPIC_LENGTH = 260;

/** Where to, and what. */
interface Publication {
	readonly subject: string;
	readonly body: Uint8Array;
}

export interface PublishFunction {
	readonly publish: HostFunction<"publish", Publication>;
}

export function createPublishFunction(connection: NatsConnection): PublishFunction {
	const link = new BusLink(connection);
	return {
		publish: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare({ topic, body }, { tenant, plugin }) {
				checkSize("publish: the body", body, MAX_BODY_BYTES);
				return { subject: subjectOf(tenant, plugin, topic), body };
			},
			async run({ subject, body }, _rights, { signal }) {
				link.requireConnected();
				try {
					await untilAborted(signal, async () => {
						connection.publish(subject, body);
						await flushed(connection);
					});
					return {};
				} catch (thrown) {
					throw busFailure(thrown, "the event cannot be published");
				}
			},
		},
	};
}

/** @throws HostCallError `guest_error` for a topic that can stand in no subject */
function subjectOf(tenant: string, plugin: string, topic: string): string {
	const rule = "a topic is 1 to 4 words joined by dots, each of 1 to 64 characters of A–Z a–z 0–9 _ -";
	const notValid = () => invalid(`publish: the topic ${quoted(topic)} is not valid; ${rule}`);
	// Taking it apart would take as long as the plugin has made it.
	if (topic.length > MAX_TOPIC_LENGTH) throw notValid();
	try {
		return publishedSubject(tenant, plugin, topic);
	} catch (thrown) {
		throw thrown instanceof TypeError ? notValid() : thrown;
	}
}

/** Waits until the server has what was sent: a plugin publishes no faster than the bus takes it, and learns when it does not. */
async function flushed(connection: NatsConnection): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_resolve, reject) => {
		const message = `the event cannot be published: the bus did not take it within ${BUS_TIMEOUT_MS} ms`;
		timer = setTimeout(() => reject(failed(message)), BUS_TIMEOUT_MS);
	});
	try {
		await Promise.race([connection.flush(), late]);
	} finally {
		clearTimeout(timer);
	}
}
