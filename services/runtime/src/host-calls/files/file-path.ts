// Paths of files that plugins keep. Nothing behind them is a file system; the rules keep out what would be dangerous the day that
// somebody copies such files onto one.
import { invalid } from "../host-call-errors.js";
import { checkName, quoted } from "../store/kept-name.js";

const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * @param what has the path: "file_read"
 * @throws HostCallError `guest_error`
 */
export function checkPath(what: string, path: string): void {
	checkName(`${what}: the path`, path);
	const rule = brokenRule(path);
	if (rule !== undefined) throw invalid(`${what}: the path ${quoted(path)} ${rule}`);
}

function brokenRule(path: string): string | undefined {
	if (CONTROL_CHARACTER.test(path)) return "has a control character";
	if (path.startsWith("/")) return "begins with a slash; paths begin with a name";
	const segments = path.split("/");
	if (segments.includes("")) return "has an empty part";
	if (segments.includes(".") || segments.includes("..")) return 'has a part "." or ".."';
	return undefined;
}
