// Settings: what a caller may give (ClientOptions), and what the inside works with (ClientSettings: checked, complete).
// An unknown name is refused; a misspelt limit that was silently ignored would be found in production.
import {
	DEFAULT_DEADLINE_MS,
	type HookPolicy,
	isHookPolicy,
	isSubjectToken,
	MAX_DEADLINE_MS,
	MAX_EVENT_BYTES,
} from "@hookbus/schemas";
import type { TlsOptions } from "nats";
import { ClientError } from "./client-errors.js";
import type { ClientLogger, ClientStatus } from "./client-status.js";

/** How the client proves who it is; exactly one form. */
export type Credentials =
	| { readonly user: string; readonly pass: string }
	| { readonly token: string }
	/** Text of a `.creds` file (user JWT and seed). */
	| { readonly creds: string }
	/** Seed of an nkey user, `SU…`. */
	| { readonly nkeySeed: string };

export interface ClientOptions {
	/** The tenant that all events belong to: 1–64 characters of `A–Z a–z 0–9 _ -`. */
	readonly tenant: string;
	/** NATS servers, `host:port` or `nats://host:port`; one with `tls://` demands TLS of all. Default `127.0.0.1:4222`. */
	readonly servers?: string | readonly string[] | undefined;
	/** Default: none. */
	readonly credentials?: Credentials | undefined;
	/** TLS settings of the NATS client; an empty object requires TLS. Default: TLS where the server asks for it. */
	readonly tls?: TlsOptions | undefined;
	/** Name of the connection, seen in NATS monitoring and in log lines. Default `hookbus-client`. */
	readonly name?: string | undefined;
	/** Milliseconds that a verdict may take when the input does not say. 1–30,000; default 1,000. */
	readonly defaultDeadlineMs?: number | undefined;
	/** Milliseconds that connectHookbus waits for the connection and the first policy. Default 2,000. */
	readonly connectTimeoutMs?: number | undefined;
	/**
	 * false: connectHookbus resolves after connectTimeoutMs even when the bus is down, and the client keeps trying; the
	 * policy decides meanwhile. true: it rejects with `not_connected` then. Default false.
	 */
	readonly waitOnFirstConnect?: boolean | undefined;
	/** Milliseconds that close() waits for what is pending. Default 5,000. */
	readonly closeTimeoutMs?: number | undefined;
	/**
	 * Milliseconds without verdict or progress frame after which an event is sent again; twice the measured round trip is
	 * added. A runtime sends a frame every 40 ms, so values under 50 send healthy work twice. Default 60.
	 */
	readonly silenceMs?: number | undefined;
	/** Largest event in bytes. Default 262,144 (256 KiB). */
	readonly maxEventBytes?: number | undefined;
	/** Events that may wait for a verdict at once. Default 4,096. */
	readonly maxPendingRequests?: number | undefined;
	/** Bytes of events that may be on their way to a server that does not confirm them. Default 16,777,216 (16 MiB). */
	readonly maxUnconfirmedBytes?: number | undefined;
	/** Bytes of afterResponse events that may wait for the stream. Default 16,777,216 (16 MiB). */
	readonly durableBufferBytes?: number | undefined;
	/** Milliseconds after which an afterResponse event that the stream did not confirm is given up. Default 900,000 (15 min). */
	readonly durableMaxWaitMs?: number | undefined;
	/** What to do while the bus's policy was never read. Default `closed`: block, because a required gate may exist. */
	readonly unknownPolicy?: "open" | "closed" | undefined;
	/** Rules of the service's own, in the shape of HookPolicy.hooks. Where one matches, it wins over the bus's. Default: none. */
	readonly policy?: HookPolicy["hooks"] | undefined;
	/** Gets a line for each status. Default: none. */
	readonly logger?: ClientLogger | undefined;
	/** Called for each change of state; what it throws is logged and goes no further. Default: none. */
	readonly onStatus?: ((status: ClientStatus) => void) | undefined;
}

export interface ClientSettings {
	readonly tenant: string;
	readonly servers: readonly string[];
	readonly credentials: Credentials | undefined;
	readonly tls: TlsOptions | undefined;
	readonly name: string;
	readonly defaultDeadlineMs: number;
	readonly connectTimeoutMs: number;
	readonly waitOnFirstConnect: boolean;
	readonly closeTimeoutMs: number;
	readonly silenceMs: number;
	readonly maxEventBytes: number;
	readonly maxPendingRequests: number;
	readonly maxUnconfirmedBytes: number;
	readonly durableBufferBytes: number;
	readonly durableMaxWaitMs: number;
	readonly unknownPolicy: "open" | "closed";
	readonly policy: HookPolicy["hooks"];
	readonly logger: ClientLogger | undefined;
	readonly onStatus: ((status: ClientStatus) => void) | undefined;
}

/** Settings that are numbers: default, smallest and largest value. */
export const NUMBER_OPTIONS = {
	defaultDeadlineMs: [DEFAULT_DEADLINE_MS, 1, MAX_DEADLINE_MS],
	connectTimeoutMs: [2_000, 1, 600_000],
	closeTimeoutMs: [5_000, 0, 600_000],
	silenceMs: [60, 10, MAX_DEADLINE_MS],
	maxEventBytes: [MAX_EVENT_BYTES, 256, 64 * 1024 * 1024],
	maxPendingRequests: [4_096, 1, 1_000_000],
	maxUnconfirmedBytes: [16 * 1024 * 1024, 1_024, 1024 * 1024 * 1024],
	durableBufferBytes: [16 * 1024 * 1024, 0, 1024 * 1024 * 1024],
	durableMaxWaitMs: [900_000, 1, 2_000_000_000],
} as const satisfies Record<string, readonly [standard: number, min: number, max: number]>;

type NumberOption = keyof typeof NUMBER_OPTIONS;

const OTHER_OPTIONS = [
	"tenant",
	"servers",
	"credentials",
	"tls",
	"name",
	"waitOnFirstConnect",
	"unknownPolicy",
	"policy",
	"logger",
	"onStatus",
];

/** Names of all options; the README's table is compared with it. */
export const OPTION_NAMES: readonly string[] = [...OTHER_OPTIONS, ...Object.keys(NUMBER_OPTIONS)];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws ClientError `invalid_options`
 */
export function compileSettings(options: ClientOptions): ClientSettings {
	if (typeof options !== "object" || options === null) throw invalid("options", options, "an object with at least a tenant");
	for (const name of Object.keys(options)) {
		if (!OPTION_NAMES.includes(name))
			throw invalid(name, (options as unknown as Record<string, unknown>)[name], `one of the options ${OPTION_NAMES.join(", ")}`);
	}
	const { tenant } = options;
	if (typeof tenant !== "string" || !isSubjectToken(tenant))
		throw invalid("tenant", tenant, "1–64 characters of A–Z a–z 0–9 _ -");
	const servers = compileServers(options.servers);
	return Object.freeze({
		tenant,
		servers,
		credentials: compileCredentials(options.credentials),
		// The NATS client drops the scheme: without this, credentials would go in plaintext to a server that offers no TLS.
		tls: options.tls ?? (servers.some((server) => /^tls:/i.test(server)) ? {} : undefined),
		name: text("name", options.name, "hookbus-client"),
		waitOnFirstConnect: options.waitOnFirstConnect === true,
		unknownPolicy: compileUnknownPolicy(options.unknownPolicy),
		policy: compilePolicy(tenant, options.policy),
		logger: options.logger,
		onStatus: options.onStatus,
		defaultDeadlineMs: number(options, "defaultDeadlineMs"),
		connectTimeoutMs: number(options, "connectTimeoutMs"),
		closeTimeoutMs: number(options, "closeTimeoutMs"),
		silenceMs: number(options, "silenceMs"),
		maxEventBytes: number(options, "maxEventBytes"),
		maxPendingRequests: number(options, "maxPendingRequests"),
		maxUnconfirmedBytes: number(options, "maxUnconfirmedBytes"),
		durableBufferBytes: number(options, "durableBufferBytes"),
		durableMaxWaitMs: number(options, "durableMaxWaitMs"),
	});
}

function number(options: ClientOptions, name: NumberOption): number {
	const [standard, min, max] = NUMBER_OPTIONS[name];
	const value = options[name] ?? standard;
	if (!Number.isInteger(value) || value < min || value > max) throw invalid(name, value, `a whole number from ${min} to ${max}`);
	return value;
}

function text(name: string, value: string | undefined, standard: string): string {
	if (value === undefined) return standard;
	if (typeof value !== "string" || value === "") throw invalid(name, value, "a text that is not empty");
	return value;
}

function compileServers(servers: ClientOptions["servers"]): readonly string[] {
	const list = servers === undefined ? ["127.0.0.1:4222"] : typeof servers === "string" ? [servers] : [...servers];
	if (list.length === 0) throw invalid("servers", servers, "at least one address, host:port");
	return list.map((server) => text("servers", server, ""));
}

function compileCredentials(credentials: Credentials | undefined): Credentials | undefined {
	if (credentials === undefined) return undefined;
	const forms = ["pass,user", "token", "creds", "nkeySeed"];
	const given = Object.keys(credentials).sort().join(",");
	// The value is not named: it is a secret.
	if (!forms.includes(given)) throw invalid("credentials", `{${given}}`, "one of {user, pass}, {token}, {creds}, {nkeySeed}");
	return credentials;
}

function compileUnknownPolicy(value: ClientOptions["unknownPolicy"]): "open" | "closed" {
	if (value === undefined) return "closed";
	if (value !== "open" && value !== "closed") throw invalid("unknownPolicy", value, `"open" or "closed"`);
	return value;
}

function compilePolicy(tenant: string, hooks: HookPolicy["hooks"] | undefined): HookPolicy["hooks"] {
	if (hooks === undefined) return {};
	if (!isHookPolicy({ spec: "1", tenant, revision: 1, hooks })) {
		throw invalid(
			"policy",
			JSON.stringify(hooks),
			`{ <hook>: { all?: "open" | "closed", assistants: { <assistant>: "open" | "closed" } } }`,
		);
	}
	return hooks;
}

function invalid(name: string, value: unknown, allowed: string): ClientError {
	const given = typeof value === "object" && value !== null ? "an object" : String(value);
	return new ClientError("invalid_options", `option ${name} is ${given}; use ${allowed}`);
}
