// What a plugin asks of the host that its thread cannot answer by itself, and the answers: the messages between a thread, which
// waits, and the main thread, which has the network and the bus. One tagged union; host-call-desk.ts answers all of it.
import type { Outcome } from "@hookbus/schemas";

export interface HttpRequest {
	readonly type: "http_request";
	readonly method: string;
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array | undefined;
	/** Milliseconds after which the plugin no longer waits and gets status 0; absent: until its own time is over. */
	readonly timeoutMs?: number;
}

export interface HttpResponse {
	/** 0: there was no response (nobody listens, the connection broke, the name does not resolve). `reason` says why. */
	readonly status: number;
	/** Lower-case names. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
	/** Only with status 0. */
	readonly reason?: string;
}

/** Milliseconds that something is kept; 0: for ever. */
type Ttl = { readonly ttlMs: number };

export type HostCallRequest =
	| HttpRequest
	| { readonly type: "state_get"; readonly key: string }
	| ({ readonly type: "state_set"; readonly key: string; readonly value: Uint8Array } & Ttl)
	| { readonly type: "state_delete"; readonly key: string }
	| ({ readonly type: "state_increment"; readonly key: string; readonly delta: bigint } & Ttl)
	| ({ readonly type: "once"; readonly key: string } & Ttl)
	| { readonly type: "file_read"; readonly path: string }
	| { readonly type: "file_write"; readonly path: string; readonly content: Uint8Array }
	| { readonly type: "file_delete"; readonly path: string }
	| { readonly type: "file_list"; readonly prefix: string }
	| { readonly type: "publish"; readonly topic: string; readonly body: Uint8Array };

export type HostCallType = HostCallRequest["type"];

export type RequestOf<Type extends HostCallType> = Extract<HostCallRequest, { readonly type: Type }>;

/** Whether there was room for what was to be kept. */
export interface Kept {
	readonly kept: boolean;
}

export interface HostCallAnswers {
	readonly http_request: HttpResponse;
	readonly state_get: { readonly value: Uint8Array | undefined };
	readonly state_set: Kept;
	readonly state_delete: Record<never, never>;
	readonly state_increment: { readonly sum: bigint };
	readonly once: { readonly isFirst: boolean };
	readonly file_read: { readonly content: Uint8Array | undefined };
	readonly file_write: Kept;
	readonly file_delete: Record<never, never>;
	/** In the order of their paths. */
	readonly file_list: { readonly paths: readonly string[] };
	readonly publish: Record<never, never>;
}

/** Thread → main. */
export interface HostCallMessage {
	/** Grows with each call of a thread; an answer to another one is late and belongs to nobody. */
	readonly id: number;
	/** Number of the invocation in its thread; calls are limited for each. */
	readonly invocation: number;
	/** Key of the plugin's image. Rights are looked up under it in the main thread, never taken from the message. */
	readonly image: string;
	/** Monotonic milliseconds by which the answer must be there. */
	readonly deadlineAt: number;
	readonly request: HostCallRequest;
}

export interface HostCallFailure {
	readonly outcome: Extract<Outcome, "denied" | "guest_error" | "host_error" | "timeout" | "memory">;
	readonly message: string;
}

/** Main → thread. */
export type HostCallReply =
	| { readonly id: number; readonly answer: HostCallAnswers[HostCallType] }
	| { readonly id: number; readonly failure: HostCallFailure };
