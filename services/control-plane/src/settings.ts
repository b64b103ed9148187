// Settings of the control plane, from the environment.
import {
	defineErrors,
	LogLevel,
	NatsCredentialSettings,
	natsAuthentication,
	ProfileSettings,
	readSettings,
} from "@hookbus/foundation";
import { type Static, Type } from "@sinclair/typebox";
import { OidcSettings, oidcOptions } from "./oidc/oidc-settings.js";

const errors = defineErrors({
	setting_conflict: { title: "Two settings contradict each other", status: 500, retryable: false },
});

export const ControlPlaneSettings = Type.Object(
	{
		HOOKBUS_NATS_URL: Type.String({ default: "nats://127.0.0.1:4222", description: "NATS servers, separated by commas" }),
		HOOKBUS_NATS_TOKEN: Type.Optional(Type.String({ description: "Token for NATS servers that ask for one" })),
		...NatsCredentialSettings,
		...ProfileSettings,
		HOOKBUS_NATS_REQUIRE_SAFE_VERSION: Type.Boolean({
			default: false,
			description: "Refuse NATS servers older than the last security fixes (2.11.16, 2.12.7, 2.14.0); false warns",
		}),
		HOOKBUS_NATS_REPLICAS: Type.Integer({
			default: 1,
			minimum: 1,
			maximum: 5,
			description: "Copies of each stream that is created; more than 1 needs a NATS cluster",
		}),
		HOOKBUS_ACK_WAIT_MS: Type.Integer({
			default: 60_000,
			minimum: 1_000,
			maximum: 3_600_000,
			description:
				"Milliseconds after which a durable event whose runtime died is delivered again; applies when the consumer is created, so give both services the same",
		}),
		HOOKBUS_DATABASE_URL: Type.Optional(
			Type.String({
				pattern: "^postgres(ql)?://",
				description:
					"PostgreSQL 15 or newer, postgres://user:password@host:port/database; DATABASE_URL is another name for it. Absent: PGlite in HOOKBUS_DATA_DIR",
			}),
		),
		HOOKBUS_DATABASE_CA: Type.Optional(
			Type.String({
				minLength: 1,
				description:
					"Certificates (PEM) of the authorities that sign the PostgreSQL server's certificate; given, TLS is demanded and the server verified, as with sslmode=verify-full",
			}),
		),
		HOOKBUS_DATABASE_TIMEOUT_MS: Type.Integer({
			default: 5_000,
			minimum: 500,
			maximum: 60_000,
			description: "Milliseconds that one query or transaction on PostgreSQL may take",
		}),
		HOOKBUS_DATA_DIR: Type.String({
			default: ".hookbus/control-plane",
			description: "Directory of the embedded database and of uploads while they are checked",
		}),
		HOOKBUS_MASTER_KEY: Type.String({
			minLength: 1,
			description: "32 bytes, base64; the same as the runtimes'. Wraps the keys of secrets",
		}),
		HOOKBUS_MASTER_KEY_PREVIOUS: Type.Optional(
			Type.String({ minLength: 1, description: "A further master key that opens, 32 bytes, base64: while keys are rotated" }),
		),
		HOOKBUS_ADMIN_KEY_FILE: Type.Optional(
			Type.String({
				minLength: 1,
				description:
					"File for the admin key that the first start makes (mode 0600); absent: it is printed once to standard output",
			}),
		),
		HOOKBUS_HTTP_HOST: Type.String({ default: "127.0.0.1", description: "Address of the REST API" }),
		HOOKBUS_HTTP_PORT: Type.Integer({
			default: 8080,
			minimum: 0,
			maximum: 65_535,
			description: "Port of the REST API; 0: any free one",
		}),
		HOOKBUS_HTTP_BEHIND_TLS: Type.Boolean({
			default: false,
			description:
				"true: a proxy in front of the REST API ends TLS, and nobody else reaches it; in production only then may HOOKBUS_HTTP_HOST be other than this machine",
		}),
		HOOKBUS_RATE_LIMIT_PER_KEY: Type.Integer({
			default: 6_000,
			minimum: 0,
			maximum: 1_000_000,
			description: "Requests a minute with one API key, all at once or spread, on each instance; 0: any number",
		}),
		HOOKBUS_RATE_LIMIT_PER_ADDRESS: Type.Integer({
			default: 12_000,
			minimum: 0,
			maximum: 1_000_000,
			description: "Requests a minute from one address, with or without a valid key; 0: any number",
		}),
		HOOKBUS_TRUSTED_PROXIES: Type.Optional(
			Type.String({
				pattern: "^[0-9a-f.:/]+(,[0-9a-f.:/]+)*$",
				description:
					"Addresses or ranges (CIDR), separated by commas, of proxies whose X-Forwarded-For is believed; absent: nobody's",
			}),
		),
		...OidcSettings,
		HOOKBUS_MAX_UPLOAD_BYTES: Type.Integer({
			default: 20 * 1024 * 1024,
			minimum: 1_024,
			maximum: 100 * 1024 * 1024,
			description: "Largest package file in bytes, as uploaded",
		}),
		HOOKBUS_API_CALL_MODULE: Type.Optional(
			Type.String({
				minLength: 1,
				description:
					"File of the plugin api-call's module (plugin.wasm), read at the start; it runs manifests with runtime api_call. Absent: they are refused",
			}),
		),
		HOOKBUS_EXECUTION_RETENTION_DAYS: Type.Integer({
			default: 30,
			minimum: 1,
			maximum: 3_650,
			description: "Days that executions are kept",
		}),
		HOOKBUS_MARKET_REFRESH_MS: Type.Integer({
			default: 300_000,
			minimum: 1_000,
			maximum: 86_400_000,
			description: "Milliseconds between two looks at the indexes of the marketplaces; recalls arrive with them",
		}),
		HOOKBUS_MARKET_ALLOW_HTTP: Type.Boolean({
			default: false,
			description:
				"Fetch from marketplaces over http as well; what they sign is verified all the same, but anybody on the way can hold it back",
		}),
		HOOKBUS_MARKET_PRIVATE_RANGES: Type.String({
			default: "",
			description:
				"Ranges of addresses that marketplaces may be at although they are not public, separated by commas: 10.1.0.0/16",
		}),
		HOOKBUS_LOG_LEVEL: LogLevel,
	},
	{ additionalProperties: false, $id: "ControlPlaneSettings" },
);
export type ControlPlaneSettings = Static<typeof ControlPlaneSettings>;

/** Settings of the runtime; both services may share one environment. */
const OF_THE_RUNTIME = [
	"HOOKBUS_RUNTIME_ID",
	"HOOKBUS_CACHE_DIR",
	"HOOKBUS_THREADS",
	"HOOKBUS_MAX_IN_FLIGHT",
	"HOOKBUS_MAX_EVENT_BYTES",
	"HOOKBUS_TENANT_INBOX_ONLY",
	"HOOKBUS_DURABLE_BACKOFF_MS",
	"HOOKBUS_DURABLE_CONCURRENCY",
	"HOOKBUS_DRAIN_MS",
];

/**
 * Reads the settings from an environment. DATABASE_URL counts as HOOKBUS_DATABASE_URL.
 *
 * @throws CodedError `setting_invalid`, `setting_unknown`, `setting_conflict`, `nats_credentials_invalid` or
 * `oidc_settings_invalid`, each naming variable and way out
 */
export function readControlPlaneSettings(env: Readonly<Record<string, string | undefined>>): ControlPlaneSettings {
	const alias = env["DATABASE_URL"] ?? "";
	const own = env["HOOKBUS_DATABASE_URL"] ?? "";
	const fromFile = (env["HOOKBUS_DATABASE_URL_FILE"] ?? "") !== "";
	if (alias !== "" && (fromFile || (own !== "" && own !== alias))) {
		throw errors.setting_conflict("DATABASE_URL and HOOKBUS_DATABASE_URL both name a database; keep one of them");
	}
	const named = alias === "" ? env : { ...env, HOOKBUS_DATABASE_URL: alias };
	const settings = readSettings(ControlPlaneSettings, named, { known: OF_THE_RUNTIME });
	// What does not fit together is refused before anything is opened.
	natsAuthentication(settings);
	oidcOptions(settings);
	return settings;
}
