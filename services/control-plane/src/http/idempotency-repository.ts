// Queries on calls that came with an Idempotency-Key.
import { and, eq, inArray, isNull, lt, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { idempotencyKeys } from "../database/tables/idempotency-keys.js";

/** Hours that a key is kept. */
export const KEPT_HOURS = 24;
/** Seconds without a sign of life after which the process that works on a call counts as dead. */
const SILENT_S = 10;

/** Which call it is. */
export interface KeyedCall {
	readonly tenant: string;
	/** Id of the caller. */
	readonly caller: string;
	readonly key: string;
	readonly fingerprint: string;
}

/** A call that one request works on. */
export interface ClaimedCall extends KeyedCall {
	/** UUID. */
	readonly claim: string;
}

export interface KeptCall {
	readonly fingerprint: string;
	/** null: there is no answer yet. */
	readonly status: number | null;
	readonly answer: Uint8Array | null;
	readonly tookEffect: boolean;
	/** False: whoever worked on it is gone. */
	readonly isAlive: boolean;
}

const isSilent = sql<boolean>`${idempotencyKeys.aliveAt} < now() - make_interval(secs => ${SILENT_S})`;

/**
 * Claims the key for this call; the claim when it is claimed now, otherwise the call that had it before. A call without effect whose
 * process is gone is taken over: should that process only have stood still, it finds in `markEffect` that the claim is not its own.
 */
export async function claimCall(queries: Queries, call: KeyedCall): Promise<ClaimedCall | KeptCall> {
	const { claim, fingerprint, status, answer, tookEffect } = idempotencyKeys;
	await queries.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, sql`now() - make_interval(hours => ${KEPT_HOURS})`));
	const [inserted] = await queries.insert(idempotencyKeys).values(call).onConflictDoNothing().returning({ claim });
	if (inserted !== undefined) return { ...call, ...inserted };
	const [taken] = await queries
		.update(idempotencyKeys)
		.set({
			tenant: call.tenant,
			fingerprint: call.fingerprint,
			claim: sql`gen_random_uuid()`,
			aliveAt: sql`now()`,
			createdAt: sql`now()`,
		})
		.where(and(of(call), isNull(status), eq(tookEffect, false), isSilent))
		.returning({ claim });
	if (taken !== undefined) return { ...call, ...taken };
	const [kept] = await queries
		.select({ fingerprint, status, answer, tookEffect, isAlive: sql<boolean>`NOT ${isSilent}` })
		.from(idempotencyKeys)
		.where(of(call));
	// Given up by its holder in this moment.
	return kept ?? { fingerprint: call.fingerprint, status: null, answer: null, tookEffect: false, isAlive: true };
}

/** Says that the processes of these calls live. */
export async function keepAlive(queries: Queries, calls: readonly ClaimedCall[]): Promise<void> {
	const claims = calls.map(({ claim }) => claim);
	await queries.update(idempotencyKeys).set({ aliveAt: sql`now()` }).where(inArray(idempotencyKeys.claim, claims));
}

/** Says of all calls that came before and have no answer that nobody works on them. */
export async function abandonCalls(queries: Queries, before: Date): Promise<void> {
	const { aliveAt, status } = idempotencyKeys;
	await queries
		.update(idempotencyKeys)
		.set({ aliveAt: sql`'epoch'` })
		.where(and(isNull(status), lt(aliveAt, before)));
}

/** In the transaction of the change. False: the call was taken over or given up, and the change must not be made. */
export async function markEffect(queries: Queries, call: ClaimedCall): Promise<boolean> {
	const marked = await queries
		.update(idempotencyKeys)
		.set({ tookEffect: true })
		.where(heldBy(call))
		.returning({ key: idempotencyKeys.key });
	return marked.length > 0;
}

export async function keepAnswer(queries: Queries, call: ClaimedCall, status: number, answer: Buffer): Promise<void> {
	await queries.update(idempotencyKeys).set({ status, answer }).where(heldBy(call));
}

/** There is no answer to keep. A call without effect is forgotten: the next one with the key is a first one. */
export async function giveUpCall(queries: Queries, call: ClaimedCall): Promise<void> {
	await queries.delete(idempotencyKeys).where(and(heldBy(call), eq(idempotencyKeys.tookEffect, false)));
	await queries.update(idempotencyKeys).set({ aliveAt: sql`'epoch'` }).where(heldBy(call));
}

function of({ caller, key }: KeyedCall) {
	return and(eq(idempotencyKeys.caller, caller), eq(idempotencyKeys.key, key));
}

function heldBy(call: ClaimedCall) {
	return and(of(call), eq(idempotencyKeys.claim, call.claim));
}
