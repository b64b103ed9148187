// One subscription for all replies. A subscription for each request would cost two more protocol messages on every event.
// The subject keeps its name across connections, so that a reply which was on its way when the connection broke still arrives.
import { tenantInboxPrefix } from "@hookbus/schemas";
import { type Msg, type NatsConnection, nuid } from "nats";
import { isPermissionViolation } from "./nats-failures.js";

export interface InboxHandlers {
	/** Must not throw: an exception would end the connection's read loop. */
	onReply(token: string, message: Msg): void;
	/** The server does not let this user subscribe to the inbox: no reply can arrive on this connection. */
	onDenied(): void;
}

export class ReplyInbox {
	/** `_INBOX_<tenant>.frames.<random>.`; `frames` tells a runtime that this client understands progress frames. */
	readonly #prefix: string;
	readonly #handlers: InboxHandlers;
	#count = 0;

	constructor(tenant: string, handlers: InboxHandlers) {
		this.#prefix = `${tenantInboxPrefix(tenant)}.frames.${nuid.next()}.`;
		this.#handlers = handlers;
	}

	/** Subscribes on a new connection; ends with it. */
	attach(connection: NatsConnection): void {
		connection.subscribe(`${this.#prefix}*`, {
			callback: (error, message) => {
				if (error === null) this.#handlers.onReply(message.subject.slice(this.#prefix.length), message);
				else if (isPermissionViolation(error)) this.#handlers.onDenied();
			},
		});
	}

	/** A token that was never given before: each time that an event is sent it gets its own. */
	nextToken(): string {
		this.#count++;
		return this.#count.toString(36);
	}

	replySubject(token: string): string {
		return this.#prefix + token;
	}
}
