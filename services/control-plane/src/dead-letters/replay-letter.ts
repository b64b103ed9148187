// Publishes a dead letter's event again, for the plugins that failed and for no others. In this order, so that a crash at any
// point repeats the replay and never loses the event:
//
//   marks: every plugin that is bound now counts as done, but those that failed
//   event: published on its subject under its own id, with a message id that the stream has not seen, and stored
//   letter: removed; should the event fail again, a new one comes
import { doneMarkKey, readTable } from "@hookbus/foundation";
import {
	DEAD_LETTER_STREAM,
	type DeadLetter,
	type DeadLetterReplay,
	type EventAddress,
	PRIOR_ATTEMPTS_HEADER,
	parseEventSubject,
	type RouteTable,
} from "@hookbus/schemas";
import { headers, type KV, NatsError } from "nats";
import type { ReadyBus } from "../bus/bus-link.js";
import { errors } from "../errors.js";
import type { LetterStream, StoredLetter } from "./letter-stream.js";

const WRONG_LAST_SEQUENCE = 10071;
/** Attempts to write marks that a runtime writes at the same time. */
const ATTEMPTS = 5;
/** Milliseconds that the stream has to store the event. */
const PUBLISH_TIMEOUT_MS = 5_000;

/**
 * What says which plugins are bound now; `undefined` when the tenant has none. Read once for all letters of a call: a large table is
 * unpacked for it.
 *
 * @throws CodedError `bus_unavailable`, `table_missing`, `table_corrupt`, `table_invalid`
 */
export function boundNow(stream: LetterStream, tenant: string): Promise<RouteTable | undefined> {
	return stream.asking(({ bus }) => readTable(bus, tenant));
}

/**
 * @param table as {@link boundNow} gives it
 * @throws CodedError `dead_letter_not_replayable`, `bus_unavailable`
 */
export function replayLetter(
	stream: LetterStream,
	tenant: string,
	table: RouteTable | undefined,
	stored: StoredLetter,
): Promise<DeadLetterReplay> {
	const { id, letter } = stored;
	return stream.asking(async ({ connection, bus }) => {
		const address = addressOf(tenant, stored);
		const bound = table === undefined ? [] : boundTo(table, address);
		const again = plugins(letter, bound);
		if (again.length === 0) throw nothingToRun(stored, address);
		if (letter.reason === "attempts_exhausted" && letter.eventId !== undefined) {
			await takeBack(bus, tenant, letter.eventId, bound, again);
		}
		const duplicate = await publish(connection, stored);
		await stream.remove(id);
		return { id: String(id), ...(letter.eventId === undefined ? {} : { eventId: letter.eventId }), plugins: again, duplicate };
	});
}

/** Whoever may write dead letters must not make us publish anywhere but where durable events of this tenant go. */
function addressOf(tenant: string, { id, letter }: StoredLetter): EventAddress {
	const address = parseEventSubject(letter.subject);
	if (address?.tenant === tenant && address.hook === "on_after_response") return address;
	throw errors.dead_letter_not_replayable(`dead letter ${id} names no subject of durable events of this tenant; drop it`);
}

/** Names of the plugins that an event with this address runs now. */
function boundTo({ hooks, plugins }: RouteTable, { hook, assistant }: EventAddress): string[] {
	const routes = hooks[hook];
	const own = routes !== undefined && Object.hasOwn(routes.assistants, assistant) ? routes.assistants[assistant] : undefined;
	const steps = own ?? routes?.all ?? [];
	return [...new Set(steps.flatMap((step) => plugins[step.plugin]?.name ?? []))];
}

/** An event that could not be read ran nowhere, so it is for all. */
function plugins({ reason, plugins: failed }: DeadLetter, bound: readonly string[]): string[] {
	return reason === "invalid_event" ? [...bound] : bound.filter((name) => failed.some(({ plugin }) => plugin === name));
}

function nothingToRun({ id, letter }: StoredLetter, { hook, assistant }: EventAddress) {
	const names = letter.plugins.map(({ plugin }) => plugin).join(", ");
	return errors.dead_letter_not_replayable(
		`dead letter ${id} would run nothing: ${names === "" ? "no plugin" : `none of ${names}`} is bound to ${hook} of assistant ${assistant} now; bind one, or drop the letter`,
	);
}

async function takeBack(
	{ done }: ReadyBus["bus"],
	tenant: string,
	eventId: string,
	bound: readonly string[],
	again: readonly string[],
) {
	const key = doneMarkKey(tenant, eventId);
	for (let attempt = 1; ; attempt += 1) {
		const entry = await done.get(key);
		const marked = entry?.operation === "PUT" ? entry.json<{ plugins: string[] }>().plugins : [];
		const kept = [...new Set([...marked, ...bound])].filter((name) => !again.includes(name));
		try {
			await write(done, key, JSON.stringify({ plugins: kept }), entry?.revision);
			return;
		} catch (thrown) {
			const raced = thrown instanceof NatsError && thrown.api_error?.err_code === WRONG_LAST_SEQUENCE;
			if (!raced || attempt === ATTEMPTS) throw thrown;
		}
	}
}

function write(bucket: KV, key: string, mark: string, revision: number | undefined): Promise<number> {
	return revision === undefined ? bucket.create(key, Buffer.from(mark)) : bucket.update(key, Buffer.from(mark), revision);
}

/** True when the stream had it already: two calls replayed the same letter at the same moment. */
async function publish(connection: ReadyBus["connection"], { id, letter }: StoredLetter): Promise<boolean> {
	const head = headers();
	head.set(PRIOR_ATTEMPTS_HEADER, String(Math.min(letter.attempts, 999_999)));
	const options = { msgID: `${DEAD_LETTER_STREAM}.${id}`, headers: head, timeout: PUBLISH_TIMEOUT_MS };
	const { duplicate } = await connection.jetstream().publish(letter.subject, Buffer.from(letter.body, "base64"), options);
	return duplicate;
}
