// Why a large route table cannot be had. Whoever follows the tables has to know whether it may pass by itself: parts that are not
// there yet, or not any more, come again; lines that are no route table do not.
import { defineErrors } from "../define-errors.js";

export const tableFaults = defineErrors({
	table_missing: { title: "Parts of a route table are not on the bus", status: 503, retryable: true },
	table_corrupt: { title: "The parts of a route table do not have their digest", status: 502, retryable: true },
	table_invalid: { title: "A large route table is not valid", status: 500, retryable: false },
});
