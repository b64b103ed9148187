// Calls the REST API of a control plane with an admin's key. The key is read from a file: as an option it would stand in the list of
// processes, which others can see.
import { CliFailure } from "../cli-failure.js";
import { type Arguments, optionalOption, requiredOption } from "../command.js";
import { readBytes } from "../files.js";

/** Options of every command that calls a control plane. */
export const CALL_OPTIONS = { url: { type: "string" }, "key-file": { type: "string" } } as const;

const DEFAULT_URL = "http://127.0.0.1:8080";

export const CALL_HELP = `--key-file <file>  file with an admin key
--url <url>        control plane; default ${DEFAULT_URL}`;

export interface ControlPlaneCaller {
	/** @throws CliFailure `control_plane_unreachable`, `control_plane_refused` with what it answered */
	call<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T>;
}

/** @throws CliFailure `usage`, `file_unreadable` */
export async function controlPlaneOf(given: Arguments): Promise<ControlPlaneCaller> {
	const url = (optionalOption(given, "url") ?? DEFAULT_URL).replace(/\/+$/, "");
	const key = (await readBytes(requiredOption(given, "key-file"))).toString("utf8").trim();
	return { call: (method, path, body) => call(url, key, { method, path, body }) };
}

interface Request {
	readonly method: string;
	readonly path: string;
	readonly body: unknown;
}

async function call<T>(url: string, key: string, { method, path, body }: Request): Promise<T> {
	let response: Response;
	let answer: unknown;
	try {
		response = await fetch(`${url}${path}`, {
			method,
			headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		answer = await response.json();
	} catch (thrown) {
		const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new CliFailure(`the control plane at ${url} cannot be reached: ${reason}; is --url right?`, {
			code: "control_plane_unreachable",
			cause: thrown,
			detail: { url },
		});
	}
	if (response.ok) return answer as T;
	const { code, detail } = answer as { code?: string; detail?: string };
	throw new CliFailure(`the control plane refuses: ${detail ?? `status ${response.status}`}`, {
		code: "control_plane_refused",
		detail: { status: response.status, problem: code },
	});
}
