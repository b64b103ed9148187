// Says every two seconds that this runtime lives and which route tables it runs, and at once after a change. Core NATS: a
// lost heartbeat is replaced by the next one. What plugins can make it say has a limit, in size and in number: a runtime whose
// heartbeats the bus does not take counts as dead.

import { describeError } from "@hookbus/foundation";
import {
	type ActivationFault,
	type AppliedTable,
	type BreakerStatus,
	HEARTBEAT_INTERVAL_MS,
	heartbeatSubject,
	type PluginProbe,
	type RuntimeStatus,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import type { RuntimeMetrics } from "./metrics.js";

export interface HeartbeatParts {
	readonly connection: Pick<NatsConnection, "isClosed" | "isDraining" | "publish">;
	/** Largest message that the bus takes, in bytes. */
	readonly payloadBytes: number;
	readonly metrics: Pick<RuntimeMetrics, "publishFailed">;
	readonly logger: Logger;
}

export interface HeartbeatSources {
	readonly runtime: string;
	readonly version: string;
	readonly startedAt: string;
	readonly inFlight: () => number;
	readonly threads: () => number;
	readonly tenants: () => RuntimeStatus["tenants"];
	/** Plugins that are not run because they kept failing. */
	readonly breakers: () => readonly BreakerStatus[];
	/** What plugins say of themselves, the most important first. */
	readonly probes: () => readonly PluginProbe[];
}

/** Most plugins that one heartbeat names in each of its lists; the schema allows no more. */
const MAX_NAMED = 1_000;
/** Most faults of single users of a tenant that are named. */
const MAX_USERS_NAMED = 100;
/** Characters of the message of a plugin that could not be taken into service. */
const MAX_MESSAGE_CHARS = 300;
/** Share of a payload that a heartbeat takes at most. */
const PAYLOAD_SHARE = 3 / 4;
/** Milliseconds from one heartbeat to the next that somebody asks for. */
const PAUSE_MS = 100;

export class Heartbeat {
	readonly #parts: HeartbeatParts;
	readonly #sources: HeartbeatSources;
	#state: RuntimeStatus["state"] = "starting";
	#timer: NodeJS.Timeout | undefined;
	/** Runs for a while after each heartbeat. */
	#pause: NodeJS.Timeout | undefined;
	#wanted = false;

	constructor(parts: HeartbeatParts, sources: HeartbeatSources) {
		this.#parts = parts;
		this.#sources = sources;
	}

	get state(): RuntimeStatus["state"] {
		return this.#state;
	}

	start(): void {
		this.#timer = setInterval(() => this.#publish(), HEARTBEAT_INTERVAL_MS);
		this.setState("running");
	}

	setState(state: RuntimeStatus["state"]): void {
		this.#state = state;
		this.#publish();
	}

	/** Sends the status now, or in a moment when it was sent just now: however much happens, it is not sent more often than that. */
	send(): void {
		this.#wanted = true;
		if (this.#pause === undefined) this.#publish();
	}

	#publish(): void {
		this.#wanted = false;
		this.#pause ??= setTimeout(() => {
			this.#pause = undefined;
			if (this.#wanted) this.#publish();
		}, PAUSE_MS);
		const { connection, metrics, logger } = this.#parts;
		if (connection.isClosed() || connection.isDraining()) return;
		const body = Buffer.from(JSON.stringify(this.#status()));
		try {
			connection.publish(heartbeatSubject(this.#sources.runtime), body);
		} catch (thrown) {
			metrics.publishFailed("heartbeat");
			logger.error({ bytes: body.length, error: describeError(thrown) }, "a heartbeat could not be sent");
		}
	}

	/**
	 * As much of it as there is room for: first the plugins that were given up, which the control plane waits for, then what every tenant's
	 * plugins failed with, and last the faults of single users, of whom one tenant alone can have thousands.
	 */
	#status(): RuntimeStatus {
		const { runtime, version, startedAt, inFlight, threads, tenants, breakers, probes } = this.#sources;
		const status: RuntimeStatus = {
			spec: "1",
			runtime,
			state: this.#state,
			version,
			startedAt,
			time: new Date().toISOString(),
			inFlight: inFlight(),
			threads: threads(),
			tenants: {},
		};
		const applied = tenants();
		for (const [tenant, { revision }] of Object.entries(applied)) status.tenants[tenant] = { revision, faults: [] };
		let room = this.#parts.payloadBytes * PAYLOAD_SHARE - Buffer.byteLength(JSON.stringify(status));
		const fits = (value: unknown) => {
			const bytes = Buffer.byteLength(JSON.stringify(value)) + 1;
			if (bytes > room) return false;
			room -= bytes;
			return true;
		};
		const all = breakers();
		const givenUp = all.filter(({ state }) => state === "given_up").slice(0, MAX_NAMED);
		const named = givenUp.filter(fits);
		const name = (isWanted: (fault: ActivationFault) => boolean, most: number) => {
			for (const [tenant, { faults }] of Object.entries(applied)) {
				const wanted = faults.filter(isWanted).slice(0, most);
				const its = status.tenants[tenant] as AppliedTable;
				its.faults.push(
					...wanted.map((fault) => ({ ...fault, message: fault.message.slice(0, MAX_MESSAGE_CHARS) })).filter(fits),
				);
			}
		};
		name(({ user }) => user === undefined, Number.POSITIVE_INFINITY);
		const others = all.filter(({ state }) => state !== "given_up").slice(0, MAX_NAMED - named.length);
		named.push(...others.filter(fits));
		const said = probes().slice(0, MAX_NAMED).filter(fits);
		name(({ user }) => user !== undefined, MAX_USERS_NAMED);
		for (const [tenant, { faults }] of Object.entries(applied)) {
			const its = status.tenants[tenant] as AppliedTable;
			if (its.faults.length < faults.length) its.faultsLeftOut = faults.length - its.faults.length;
		}
		return {
			...status,
			...(named.length === 0 ? {} : { breakers: named }),
			...(said.length === 0 ? {} : { probes: said }),
		};
	}

	stop(): void {
		clearInterval(this.#timer);
		this.setState("stopped");
		clearTimeout(this.#pause);
	}
}
