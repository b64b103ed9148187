// Unsafe calls with the header Idempotency-Key have their effect once: who repeats one within 24 hours gets the answer of the first.
// Without it a caller whose connection broke cannot know whether to send again.
//
//   first call        claimed → worked on; its change and the mark that it was made are one transaction → its answer is kept
//   same key and call while it is worked on: 409 · afterwards: the kept answer, with Idempotency-Replayed
//   the process died, or the service failed: not made: the next call is a first one · made: 409 that says so, there is no answer
//   same key, another call: 422
//
// Uploads do not need it, and do not look at it: the same package again changes nothing.
import { createHash } from "node:crypto";
import { describeError } from "@hookbus/foundation";
import type { FastifyRequest } from "fastify";
import { canonicalJson } from "../canonical-json.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import type { App } from "./app.js";
import { HeldCalls } from "./held-calls.js";
import {
	abandonCalls,
	type ClaimedCall,
	claimCall,
	giveUpCall,
	KEPT_HOURS,
	type KeyedCall,
	keepAnswer,
	markEffect,
} from "./idempotency-repository.js";
import { openAnswer, type Sealer, sealAnswer } from "./sealed-answer.js";

declare module "fastify" {
	interface FastifyRequest {
		/** What this request has claimed; null: nothing. */
		claimedCall: ClaimedCall | null;
	}
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const keyPattern = /^[!-~]{1,255}$/;
/** Statuses after which it is not known, or known not to have been, that the call took effect. */
const FAILED = new Set([500, 503]);
const RETRY_AFTER_S = 1;

/** Must be added after the authentication and before the routes. */
export function addIdempotency(app: App, database: Database): void {
	app.decorateRequest("claimedCall", null);
	const held = new HeldCalls(database, app.log);
	// A PGlite database is of this process alone, so whoever worked on a call before it started is gone.
	const startedAt = new Date();
	if (database.kind === "pglite") {
		app.addHook("onListen", () => database.acrossTenants.query((queries) => abandonCalls(queries, startedAt)));
	}
	app.addHook("onClose", () => held.stop());

	app.addHook("preHandler", async (request, reply) => {
		const call = callOf(request);
		if (call === undefined) return;
		const kept = await database.acrossTenants.transaction((queries) => claimCall(queries, call));
		if ("claim" in kept) {
			request.claimedCall = kept;
			held.add(kept);
			if (request.caller !== null) request.caller = { ...request.caller, made: (queries) => requireHeld(queries, kept) };
			return;
		}
		if (kept.fingerprint !== call.fingerprint) {
			throw errors.idempotency_key_reused(
				`Idempotency-Key ${call.key} came with another call within ${KEPT_HOURS} hours; take a new key for each call`,
			);
		}
		if (kept.status === null || kept.answer === null) {
			if (kept.tookEffect && !kept.isAlive) {
				throw errors.idempotency_answer_lost(
					`the first call with Idempotency-Key ${call.key} took effect, and its answer was lost when the service failed; ` +
						"look what there is now, and take a new key for what is still to be done",
				);
			}
			reply.header("retry-after", RETRY_AFTER_S);
			throw errors.idempotency_call_running(
				`the first call with Idempotency-Key ${call.key} is still being worked on; ask again`,
			);
		}
		const answer = open(kept.answer, sealerOf(request, call));
		reply
			.code(kept.status)
			.type(kept.status < 400 ? "application/json; charset=utf-8" : "application/problem+json")
			.header("idempotency-replayed", "true");
		return reply.send(answer);
	});

	app.addHook("onSend", async (request, reply, payload) => {
		const call = request.claimedCall;
		if (call === null) return;
		request.claimedCall = null;
		held.delete(call);
		try {
			if (FAILED.has(reply.statusCode)) await database.acrossTenants.query((queries) => giveUpCall(queries, call));
			else {
				const answer = sealAnswer(String(payload ?? ""), sealerOf(request, call));
				await database.acrossTenants.query((queries) => keepAnswer(queries, call, reply.statusCode, answer));
			}
		} catch (thrown) {
			// The caller has its answer; a repeated call is told to wait until the claim is stale.
			request.log.warn({ error: describeError(thrown) }, "the answer of a call with an Idempotency-Key cannot be kept");
		}
	});
}

/** `undefined` for what is no such call. */
function callOf(request: FastifyRequest): KeyedCall | undefined {
	const key = request.headers["idempotency-key"];
	const { id: caller, tenant } = request.caller ?? {};
	if (key === undefined || caller === undefined || tenant === undefined || SAFE.has(request.method) || request.isMultipart())
		return undefined;
	if (typeof key !== "string" || !keyPattern.test(key)) {
		throw errors.request_invalid("Idempotency-Key has 1–255 printable ASCII characters without spaces, such as a UUID");
	}
	const what = `${request.method} ${request.url}\n${canonicalJson(request.body ?? null)}`;
	return { tenant, caller, key, fingerprint: createHash("sha256").update(what).digest("hex") };
}

/** @throws CodedError `idempotency_call_running` when this process stood still for so long that a repeated call took over */
async function requireHeld(queries: Queries, call: ClaimedCall): Promise<void> {
	if (await markEffect(queries, call)) return;
	throw errors.idempotency_call_running(
		`this call with Idempotency-Key ${call.key} took so long that a repeated one was begun; nothing was changed here, ask again`,
	);
}

function sealerOf(request: FastifyRequest, { key }: KeyedCall): Sealer {
	return { credential: request.headers.authorization ?? "", key };
}

/** @throws CodedError `idempotency_key_reused` when the first call came with another token of the same subject */
function open(answer: Uint8Array, sealer: Sealer): string {
	try {
		return openAnswer(answer, sealer);
	} catch (cause) {
		throw errors.idempotency_key_reused(
			`the call with Idempotency-Key ${sealer.key} was answered, to another token; look what it did, or repeat it with that token`,
			{ cause },
		);
	}
}
