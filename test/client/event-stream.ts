// The stream of durable events, as the services make it, and a look at what is in it.
import { DURABLE_EVENT_SUBJECTS, EVENT_STREAM } from "@hookbus/schemas";
import { connect, DiscardPolicy, type JetStreamManager, RetentionPolicy, type StreamConfig } from "nats";

export interface StoredEvent {
	readonly subject: string;
	readonly messageId: string;
	readonly body: { readonly id: string } & Record<string, unknown>;
}

export async function createEventStream(url: string, changes: Partial<StreamConfig> = {}): Promise<void> {
	await withManager(url, (manager) =>
		manager.streams.add({
			name: EVENT_STREAM,
			subjects: [DURABLE_EVENT_SUBJECTS],
			retention: RetentionPolicy.Workqueue,
			discard: DiscardPolicy.New,
			...changes,
		}),
	);
}

export async function changeEventStream(url: string, changes: Partial<StreamConfig>): Promise<void> {
	await withManager(url, (manager) => manager.streams.update(EVENT_STREAM, changes));
}

/** Everything in the stream, oldest first. */
export async function storedEvents(url: string, stream = EVENT_STREAM): Promise<StoredEvent[]> {
	return await withManager(url, async (manager) => {
		const { state } = await manager.streams.info(stream);
		const events: StoredEvent[] = [];
		for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
			const message = await manager.streams.getMessage(stream, { seq });
			events.push({ subject: message.subject, messageId: message.header.get("Nats-Msg-Id"), body: message.json() });
		}
		return events;
	});
}

/** How many messages the stream holds. */
export async function storedCount(url: string): Promise<number> {
	return await withManager(url, async (manager) => (await manager.streams.info(EVENT_STREAM)).state.messages);
}

async function withManager<T>(url: string, act: (manager: JetStreamManager) => Promise<T>): Promise<T> {
	const connection = await connect({ servers: url });
	try {
		return await act(await connection.jetstreamManager({ timeout: 30_000 }));
	} finally {
		await connection.close();
	}
}
