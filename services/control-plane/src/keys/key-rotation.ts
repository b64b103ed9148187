// Rotates the keys of all tenants, beside everything else that the service does. One rotation in this process is
//
//   (none)    → running   somebody asked for it
//   running   one tenant after the other is brought up to date; then it waits until the fleet has taken the tables, deletes the
//             keys that nothing needs any more, and ends when nothing is left or the fleet takes too long
//             → ended     what is left stands in the status; another rotation does it
//
// Nothing of this is stored: a process that dies in the middle leaves what rotate-tenant.ts leaves after its last transaction, and
// the next rotation, here or in another control plane, finds it in the database. Two at once do each other's work.
import { CodedError, describeError } from "@hookbus/foundation";
import type { NewKeyRotation, KeyRotation as Shown } from "@hookbus/schemas";
import type { Logger } from "pino";
import type { Actor } from "../audit/actor.js";
import { errors } from "../errors.js";
import { pause } from "../pause.js";
import { allTenants } from "../tenants/repository.js";
import { type KeyStatusParts, readTenantsLeft, type TenantLeft } from "./key-status.js";
import { deleteUnusedKeys, rotateTenant } from "./rotate-tenant.js";

export interface KeyRotationParts extends KeyStatusParts {
	readonly logger: Logger;
	/** Aborted when the service stops. */
	readonly stopping: AbortSignal;
	/** Something was committed. */
	readonly onChange: () => void;
}

/** Milliseconds that a rotation waits for the fleet at its end, and between two looks. */
const SETTLE_MS = 60_000;
const LOOK_MS = 500;
const MAX_FAILURES = 20;

export class KeyRotation {
	readonly #parts: KeyRotationParts;
	#last: Shown | undefined;
	#running: Promise<void> = Promise.resolve();

	constructor(parts: KeyRotationParts) {
		this.#parts = parts;
	}

	/** The rotation that was started last in this process. */
	get last(): Shown | undefined {
		return this.#last;
	}

	/**
	 * Starts a rotation and returns at once.
	 *
	 * @throws CodedError `key_rotation_running`
	 */
	start(actor: Actor, { dataKeys = false }: NewKeyRotation): Shown {
		if (this.#last?.state === "running") {
			throw errors.key_rotation_running("a rotation of keys runs in this control plane; GET /api/v1/keys says how far it is");
		}
		const started: Shown = {
			state: "running",
			dataKeys,
			startedAt: new Date().toISOString(),
			tenants: { done: 0, all: 0 },
			failures: [],
		};
		this.#last = started;
		this.#running = this.#run(actor, started);
		return started;
	}

	/** Ends after the transaction in hand, when the service stops. Idempotent. */
	stop(): Promise<void> {
		return this.#running;
	}

	/** Never rejects. */
	async #run(actor: Actor, rotation: Shown): Promise<void> {
		const { logger } = this.#parts;
		try {
			await this.#rotateAll(actor, rotation);
			await this.#settle(actor);
		} catch (thrown) {
			rotation.failures.push({ tenant: actor.tenant, message: reasonOf(thrown) });
			logger.error({ error: describeError(thrown) }, "the rotation of keys ended before everything was done; start it again");
		}
		rotation.state = "ended";
		rotation.endedAt = new Date().toISOString();
		logger.info({ tenants: rotation.tenants, failures: rotation.failures.length }, "the rotation of keys ended");
	}

	async #rotateAll(actor: Actor, rotation: Shown): Promise<void> {
		const { database, logger, onChange, stopping } = this.#parts;
		const tenants = await database.acrossTenants.query(allTenants);
		rotation.tenants = { done: 0, all: tenants.length };
		for (const tenant of tenants) {
			if (stopping.aborted) return;
			try {
				await rotateTenant(this.#parts, of(actor, tenant), rotation);
				onChange();
			} catch (thrown) {
				logger.error({ tenant, error: describeError(thrown) }, "the keys of a tenant could not be rotated; start it again");
				if (rotation.failures.length < MAX_FAILURES) rotation.failures.push({ tenant, message: reasonOf(thrown) });
			}
			rotation.tenants = { ...rotation.tenants, done: rotation.tenants.done + 1 };
		}
	}

	/** Until nothing is left that comes by itself, or the fleet takes too long. */
	async #settle(actor: Actor): Promise<void> {
		const { stopping } = this.#parts;
		const deadline = performance.now() + SETTLE_MS;
		while (!stopping.aborted && performance.now() < deadline) {
			const left = (await readTenantsLeft(this.#parts)).filter(isWaiting);
			if (left.length === 0) return;
			for (const { usage, behind, revision } of left) {
				if (usage.unused.length > 0 && behind.length === 0) {
					await deleteUnusedKeys(this.#parts, of(actor, usage.tenant), revision);
				}
			}
			await pause(LOOK_MS, stopping);
		}
	}
}

/** What does not need another rotation, but time. */
function isWaiting({ usage, behind }: TenantLeft): boolean {
	return usage.isTableUnsent || usage.unused.length > 0 || behind.length > 0;
}

/** For people: what is no refusal of ours stands in the log only. */
function reasonOf(thrown: unknown): string {
	return thrown instanceof CodedError ? describeError(thrown) : "something went wrong; the log of the control plane says what";
}

/** Whoever asked, in another tenant; what was to hold in their own does not count there. */
function of({ name, keyId, request }: Actor, tenant: string): Actor {
	return { tenant, name, ...(keyId === undefined ? {} : { keyId }), ...(request === undefined ? {} : { request }) };
}
