// A plain NATS connection for a test, closed with it.
import { connect, type NatsConnection } from "nats";
import { closeAfter } from "./close-after.js";

export async function connectTo(url: string): Promise<NatsConnection> {
	const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 20 });
	closeAfter(() => connection.close());
	return connection;
}
