// A time in a request.
import { type TString, Type } from "@sinclair/typebox";

/** A time as RFC 3339 writes it; whether a calendar has it is for the reader to check. */
export function timeText(meaning: string): TString {
	return Type.String({
		pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$",
		description: `RFC 3339: ${meaning}`,
	});
}
