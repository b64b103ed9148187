// Settings of the runtime, from the environment.

import { LogLevel, NatsCredentialSettings, ProfileSettings } from "@hookbus/foundation";
import { MAX_EVENT_BYTES } from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";

export const RuntimeSettings = Type.Object(
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
		HOOKBUS_MASTER_KEY: Type.String({
			minLength: 1,
			description: "32 bytes, base64; the same as the control plane's. Opens sealed secrets",
		}),
		HOOKBUS_MASTER_KEY_PREVIOUS: Type.Optional(
			Type.String({ minLength: 1, description: "A further master key that opens, 32 bytes, base64: while keys are rotated" }),
		),
		HOOKBUS_RUNTIME_ID: Type.Optional(
			Type.String({
				pattern: "^[A-Za-z0-9_-]{1,64}$",
				description: "Name of this runtime in heartbeats and executions; default: a random one for each start",
			}),
		),
		HOOKBUS_CACHE_DIR: Type.String({
			default: ".hookbus/modules",
			description: "Directory of the module cache; its files are checked against their digests",
		}),
		HOOKBUS_HTTP_HOST: Type.String({ default: "127.0.0.1", description: "Address of /livez, /readyz, /metrics" }),
		HOOKBUS_HTTP_PORT: Type.Integer({
			default: 8081,
			minimum: 0,
			maximum: 65_535,
			description: "Port of /livez, /readyz, /metrics; 0: any free one",
		}),
		HOOKBUS_THREADS: Type.Integer({
			default: 0,
			minimum: 0,
			maximum: 256,
			description: "Worker threads that run plugins; 0: one for each core, at least 2",
		}),
		HOOKBUS_INSTANCES_PER_THREAD: Type.Integer({
			default: 256,
			minimum: 1,
			maximum: 1_024,
			description: "Plugins that have an instance in a thread at the same time; the one used longest ago gives its own up",
		}),
		HOOKBUS_MAX_IN_FLIGHT: Type.Integer({
			default: 1_024,
			minimum: 1,
			maximum: 100_000,
			description: "Events that may wait or run; more are refused as overloaded",
		}),
		HOOKBUS_WAITING_THREADS: Type.Integer({
			default: 2,
			minimum: 1,
			maximum: 256,
			description:
				"Worker threads for plugins that may wait for the network or the bus; started with the first of them, up to sixteen times as many while all wait",
		}),
		HOOKBUS_ADMISSION_WAIT_MS: Type.Integer({
			default: 5_000,
			minimum: 0,
			maximum: 10_000,
			description:
				"Milliseconds that an event waits, half of its deadline at most, when one of its plugins has as many events as it may have; then it goes on without",
		}),
		HOOKBUS_BREAKER_FAILURES: Type.Integer({
			default: 5,
			minimum: 1,
			maximum: 1_000,
			description:
				"Failures in a row after which a plugin is not run for a while; as many as half of its last 20 invocations (four times this number) do it too",
		}),
		HOOKBUS_BREAKER_BACKOFF_MS: Type.Integer({
			default: 1_000,
			minimum: 10,
			maximum: 60_000,
			description: "Milliseconds until such a plugin is tried again; twice as many each time that it fails again, 60 s at most",
		}),
		HOOKBUS_BREAKER_OPENINGS: Type.Integer({
			default: 8,
			minimum: 1,
			maximum: 100,
			description: "How often in a row a plugin may fail like this until it is given up and the control plane disables it",
		}),
		HOOKBUS_USER_CONFIGS_MS: Type.Integer({
			default: 5_000,
			minimum: 100,
			maximum: 60_000,
			description:
				"Milliseconds in which the own configurations of users are tried out before a new route table is in service; the rest are tried right after it",
		}),
		HOOKBUS_HEALTH_INTERVAL_MS: Type.Integer({
			default: 30_000,
			minimum: 100,
			maximum: 3_600_000,
			description: "Milliseconds between two questions to a plugin that exports health; each may take 2 s",
		}),
		HOOKBUS_HEALTH_FAILURES: Type.Integer({
			default: 3,
			minimum: 1,
			maximum: 1_000,
			description: "Bad answers in a row after which such a plugin is given up and the control plane disables it",
		}),
		HOOKBUS_RECYCLE_AFTER_KILLS: Type.Integer({
			default: 2_000,
			minimum: 1,
			maximum: 1_000_000,
			description:
				"Threads that may be ended for their plugin's sake until the runtime hands over and ends with code 0, to be started anew: each leaves some memory behind",
		}),
		HOOKBUS_PERMISSIONS: Type.String({
			default: "read_messages,read_secrets,state,write_files,publish,network_access",
			pattern: "^([a-z_]+(,[a-z_]+)*)?$",
			description: "Permissions that any plugin can have in this deployment, separated by commas, whatever was granted",
		}),
		HOOKBUS_HTTP_HOSTS: Type.String({
			default: "*",
			pattern: "^[^\\s,]+(,[^\\s,]+)*$",
			description: "Hosts that any plugin can reach in this deployment, separated by commas; *.example.com: all below; *: any",
		}),
		HOOKBUS_HTTP_PRIVATE_RANGES: Type.String({
			default: "",
			pattern: "^([0-9a-f.:]+/\\d+(,[0-9a-f.:]+/\\d+)*)?$",
			description:
				"Address ranges (CIDR, separated by commas) that plugins may reach although they are private or this machine's",
		}),
		HOOKBUS_HTTP_DNS_SERVERS: Type.String({
			default: "",
			pattern: "^([^\\s,]+(,[^\\s,]+)*)?$",
			description: "DNS servers for plugins' requests, address:port separated by commas; none: those of the machine",
		}),
		HOOKBUS_HTTP_CA: Type.Optional(
			Type.String({ description: "Certificates (PEM) of authorities to trust in plugins' requests, besides the public ones" }),
		),
		HOOKBUS_MAX_EVENT_BYTES: Type.Integer({
			default: MAX_EVENT_BYTES,
			minimum: 1_024,
			maximum: 8 * 1024 * 1024,
			description: "Largest event in bytes",
		}),
		HOOKBUS_TENANT_INBOX_ONLY: Type.Boolean({
			default: false,
			description: "Answer only reply subjects _INBOX_<tenant>.…; false also answers the default _INBOX.… of any NATS client",
		}),
		HOOKBUS_DURABLE_BACKOFF_MS: Type.String({
			default: "1000,5000,30000,120000",
			pattern: "^\\d+(,\\d+)*$",
			description:
				"Milliseconds before each further delivery of a durable event that failed; after the last one it becomes a dead letter",
		}),
		HOOKBUS_DURABLE_CONCURRENCY: Type.Integer({
			default: 32,
			minimum: 1,
			maximum: 512,
			description: "Durable events that are worked on at once",
		}),
		HOOKBUS_ACK_WAIT_MS: Type.Integer({
			default: 60_000,
			minimum: 1_000,
			maximum: 3_600_000,
			description:
				"Milliseconds after which a durable event whose runtime died is delivered again; applies when the consumer is created",
		}),
		HOOKBUS_DRAIN_MS: Type.Integer({
			default: 15_000,
			minimum: 100,
			maximum: 300_000,
			description: "Milliseconds that events in hand get to finish when the runtime stops",
		}),
		HOOKBUS_LOG_LEVEL: LogLevel,
	},
	{ additionalProperties: false, $id: "RuntimeSettings" },
);
