// What the client tells its owner besides verdicts: state changes, to a callback and to a logger. Their errors are caught
// here, so that a logger that throws can neither end the connection's read loop nor turn a verdict into an exception.
import type { ClientError } from "./client-errors.js";

export type ClientStatus =
	| { readonly type: "connected"; readonly server: string }
	| { readonly type: "disconnected"; readonly error: ClientError }
	| { readonly type: "connect_failed"; readonly error: ClientError }
	| { readonly type: "permission_denied"; readonly operation: string; readonly subject: string; readonly error: ClientError }
	| { readonly type: "policy"; readonly state: "known" | "empty"; readonly revision: number | undefined }
	| { readonly type: "policy_failed"; readonly error: ClientError }
	| { readonly type: "event_dropped"; readonly id: string; readonly failure: string; readonly detail: string }
	| { readonly type: "closed" };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Any logger with pino's argument order fits; missing levels are left out. */
export type ClientLogger = { readonly [level in LogLevel]?: (fields: Record<string, unknown>, message: string) => void };

export type ReportStatus = (status: ClientStatus) => void;

const LEVELS: Readonly<Record<ClientStatus["type"], LogLevel>> = {
	connected: "info",
	disconnected: "warn",
	connect_failed: "warn",
	permission_denied: "error",
	policy: "debug",
	policy_failed: "warn",
	event_dropped: "error",
	closed: "info",
};

/** Makes the function that everything inside the client reports to. It never throws. */
export function createReporter(
	name: string,
	logger: ClientLogger | undefined,
	onStatus: ((status: ClientStatus) => void) | undefined,
): ReportStatus {
	return (status) => {
		try {
			logger?.[LEVELS[status.type]]?.({ client: name, ...status }, `hookbus client: ${sentence(status)}`);
		} catch {
			// The logger is broken and there is nobody else to tell; the status callback below still runs.
		}
		try {
			onStatus?.(status);
		} catch (cause) {
			try {
				logger?.error?.({ client: name, err: cause }, "hookbus client: onStatus has thrown");
			} catch {
				// As above.
			}
		}
	};
}

function sentence(status: ClientStatus): string {
	switch (status.type) {
		case "connected":
			return `connected to ${status.server}`;
		case "disconnected":
		case "connect_failed":
		case "permission_denied":
		case "policy_failed":
			return status.error.message;
		case "policy":
			return status.state === "known"
				? `policy revision ${status.revision} applies`
				: "no policy for this tenant: nothing is installed";
		case "event_dropped":
			return `event ${status.id} was not stored: ${status.failure}, ${status.detail}`;
		case "closed":
			return "closed";
	}
}
