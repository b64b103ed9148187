// Names of the services' settings. A service refuses a variable that it does not know, and asking its package would load
// databases and Wasm engines into the process that only watches over it; a test compares these lists with the schemas.

const SHARED = [
	"HOOKBUS_NATS_URL",
	"HOOKBUS_NATS_TOKEN",
	"HOOKBUS_NATS_REQUIRE_SAFE_VERSION",
	"HOOKBUS_NATS_REPLICAS",
	"HOOKBUS_ACK_WAIT_MS",
	"HOOKBUS_MASTER_KEY",
	"HOOKBUS_HTTP_HOST",
	"HOOKBUS_HTTP_PORT",
	"HOOKBUS_LOG_LEVEL",
];

export const CONTROL_PLANE_SETTINGS: readonly string[] = [
	...SHARED,
	"HOOKBUS_DATABASE_URL",
	"HOOKBUS_DATABASE_TIMEOUT_MS",
	"HOOKBUS_DATA_DIR",
	"HOOKBUS_ADMIN_KEY_FILE",
	"HOOKBUS_MAX_UPLOAD_BYTES",
	"HOOKBUS_EXECUTION_RETENTION_DAYS",
];

export const RUNTIME_SETTINGS: readonly string[] = [
	...SHARED,
	"HOOKBUS_RUNTIME_ID",
	"HOOKBUS_CACHE_DIR",
	"HOOKBUS_THREADS",
	"HOOKBUS_INSTANCES_PER_THREAD",
	"HOOKBUS_MAX_IN_FLIGHT",
	"HOOKBUS_MAX_EVENT_BYTES",
	"HOOKBUS_TENANT_INBOX_ONLY",
	"HOOKBUS_DURABLE_BACKOFF_MS",
	"HOOKBUS_DURABLE_CONCURRENCY",
	"HOOKBUS_DRAIN_MS",
];
