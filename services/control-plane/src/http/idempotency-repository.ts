// Queries on calls that came with an Idempotency-Key.
import { and, eq, isNull, lt, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { idempotencyKeys } from "../database/tables/idempotency-keys.js";

/** Hours that a key is kept. */
export const KEPT_HOURS = 24;
/** Seconds after which a call without an answer counts as one whose process died; longer than any call may take. */
const STALE_S = 180;

export interface ClaimedCall {
	/** Id of the caller. */
	readonly caller: string;
	readonly key: string;
	readonly fingerprint: string;
}

export interface KeptCall {
	readonly fingerprint: string;
	/** null: there is no answer yet. */
	readonly status: number | null;
	readonly answer: Uint8Array | null;
}

/** Claims the key for this call; `undefined` when it is claimed now, otherwise the call that had it before. */
export async function claimCall(queries: Queries, call: ClaimedCall): Promise<KeptCall | undefined> {
	await queries.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, sql`now() - make_interval(hours => ${KEPT_HOURS})`));
	await queries
		.delete(idempotencyKeys)
		.where(
			and(
				of(call),
				isNull(idempotencyKeys.status),
				lt(idempotencyKeys.createdAt, sql`now() - make_interval(secs => ${STALE_S})`),
			),
		);
	const inserted = await queries
		.insert(idempotencyKeys)
		.values(call)
		.onConflictDoNothing()
		.returning({ key: idempotencyKeys.key });
	if (inserted.length > 0) return undefined;
	const [kept] = await queries.select().from(idempotencyKeys).where(of(call));
	// Given up by its holder in this moment.
	return kept ?? { fingerprint: call.fingerprint, status: null, answer: null };
}

export async function keepAnswer(queries: Queries, call: ClaimedCall, status: number, answer: Buffer): Promise<void> {
	await queries.update(idempotencyKeys).set({ status, answer }).where(of(call));
}

/** The call had no effect: the next one with the key is a first one. */
export async function giveUpCall(queries: Queries, call: ClaimedCall): Promise<void> {
	await queries.delete(idempotencyKeys).where(of(call));
}

function of({ caller, key }: ClaimedCall) {
	return and(eq(idempotencyKeys.caller, caller), eq(idempotencyKeys.key, key));
}
