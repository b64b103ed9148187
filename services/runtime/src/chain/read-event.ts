// Bytes to event: UTF-8, JSON, schema, and agreement with the subject. The subject is what NATS permissions protect, so it
// wins: an event that names another tenant than its subject is refused.

import { describeError } from "@hookbus/foundation/errors";
import { type EventAddress, firstEventFault, type HookEvent, isEvent } from "@hookbus/schemas";
import { errors } from "../errors.js";
import { jsonFault } from "./merge-patch.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @throws CodedError `event_not_json`, `event_invalid` or `event_misaddressed`
 */
export function readEvent(bytes: Uint8Array, address: EventAddress): HookEvent {
	const value = parseJson(bytes);
	if (!isEvent(address.hook, value)) {
		const fault = firstEventFault(address.hook, value);
		throw errors.event_invalid(
			`event on ${address.hook}: ${fault === undefined ? "does not fit its schema" : `${fault.path || "/"}: ${fault.message}`}`,
			fault === undefined ? {} : { errors: [fault] },
		);
	}
	const unsafe = jsonFault(value);
	if (unsafe !== undefined) throw errors.event_invalid(`event ${value.id}: ${unsafe}`);
	if (value.tenant !== address.tenant) throw misaddressed("tenant", value.tenant, address.tenant);
	if (value.assistant !== address.assistant) throw misaddressed("assistant", value.assistant, address.assistant);
	return value;
}

function parseJson(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(decoder.decode(bytes));
	} catch (thrown) {
		throw errors.event_not_json(`the event's body (${bytes.length} bytes) is not JSON in UTF-8: ${describeError(thrown)}`, {
			cause: thrown,
		});
	}
}

function misaddressed(field: string, inEvent: string, inSubject: string): Error {
	return errors.event_misaddressed(
		`the event says ${field} "${inEvent}", its subject "${inSubject}"; publish it on the subject of its own ${field}`,
	);
}
