// Everything that a chat service may import.
export type {
	AfterResponseInput,
	BeforeResponseInput,
	ChatMessageInput,
	EventInput,
	ToolCallInput,
	ToolResultInput,
} from "./build-event.js";
export { CLIENT_ERRORS, ClientError, type ClientErrorCode, FAILURE_CODES, FAILURES, type FailureCode } from "./client-errors.js";
export type { ClientMetrics } from "./client-metrics.js";
export { type ClientOptions, type Credentials, OPTION_NAMES } from "./client-options.js";
export type { ClientLogger, ClientStatus, LogLevel } from "./client-status.js";
export { connectHookbus } from "./connect-client.js";
export type { DurableResult } from "./durable-publisher.js";
export type { PolicyView } from "./failure-policy.js";
export { BUS_UNAVAILABLE, type BusVerdict, type HookVerdict, type PolicyVerdict } from "./hook-verdict.js";
export type { CloseReport, HookbusClient } from "./hookbus-client.js";
