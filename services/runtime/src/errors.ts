// Errors that a runtime answers with, on the bus or in its log. A client treats every one of them as "no verdict" and
// applies its own failure policy.
import { defineErrors } from "@hookbus/foundation/errors";

export const errors = defineErrors({
	event_not_json: { title: "The event is not JSON", status: 400, retryable: false },
	event_invalid: { title: "The event is not valid", status: 422, retryable: false },
	event_too_large: { title: "The event is too large", status: 413, retryable: false },
	event_misaddressed: { title: "Subject and event differ", status: 422, retryable: false },
	overloaded: { title: "The runtime has no room for the event", status: 503, retryable: true },
	module_unavailable: { title: "A module cannot be fetched", status: 503, retryable: true },
	module_corrupt: { title: "A module does not have its digest", status: 502, retryable: true },
	thread_failed: { title: "A worker thread ended", status: 500, retryable: true },
	runtime_failed: { title: "The runtime failed", status: 500, retryable: true },
});
