// Every error of this service that a person or a program may see. ERRORS.md explains each; a test holds catalogue, page and
// throw sites together. A code is never used again for something else.
import { defineErrors } from "@hookbus/foundation";

export const ERROR_CATALOGUE = {
	// Requests
	request_invalid: { title: "The request is not valid", status: 400, retryable: false },
	not_authenticated: { title: "No valid API key", status: 401, retryable: false },
	oidc_unavailable: { title: "The issuer of tokens cannot be reached", status: 503, retryable: true },
	role_missing: { title: "The API key's role does not allow this", status: 403, retryable: false },
	not_found: { title: "There is nothing here", status: 404, retryable: false },
	body_too_large: { title: "The request body is too large", status: 413, retryable: false },
	media_type_unknown: { title: "The content type is not supported", status: 415, retryable: false },
	not_acceptable: { title: "The answer has another media type than is asked for", status: 406, retryable: false },
	cursor_invalid: { title: "The page cursor is not valid", status: 400, retryable: false },
	precondition_failed: { title: "It has changed since it was read", status: 412, retryable: false },
	idempotency_key_reused: { title: "The Idempotency-Key belongs to another call", status: 422, retryable: false },
	idempotency_answer_lost: { title: "The first call took effect, and its answer is lost", status: 409, retryable: false },
	idempotency_call_running: { title: "The first call is still being worked on", status: 409, retryable: true },
	rate_limited: { title: "Too many requests", status: 429, retryable: true },
	request_timeout: { title: "The request took too long", status: 503, retryable: true },
	internal: { title: "Something went wrong here", status: 500, retryable: true },

	// Uploads and archives
	upload_incomplete: { title: "The upload is not complete", status: 400, retryable: true },
	upload_field_invalid: { title: "A field of the upload is not valid", status: 422, retryable: false },
	upload_too_large: { title: "The uploaded file is too large", status: 413, retryable: false },
	package_unknown: { title: "The file is neither a .zip nor a .wasm", status: 422, retryable: false },
	package_file_missing: { title: "The package lacks a file", status: 422, retryable: false },
	package_ambiguous: { title: "The package holds two manifests", status: 422, retryable: false },
	digest_mismatch: { title: "The digest does not match", status: 422, retryable: false },
	archive_malformed: { title: "The archive is not a proper .zip", status: 422, retryable: false },
	archive_too_many_entries: { title: "The archive holds too many entries", status: 422, retryable: false },
	archive_too_large: { title: "The archive's content is too large", status: 422, retryable: false },
	archive_ratio: { title: "An entry is compressed too strongly", status: 422, retryable: false },
	archive_path: { title: "An entry has an unsafe name", status: 422, retryable: false },
	archive_duplicate: { title: "Two entries have the same name", status: 422, retryable: false },
	archive_link: { title: "An entry is not a regular file", status: 422, retryable: false },
	archive_encrypted: { title: "An entry is encrypted", status: 422, retryable: false },
	archive_corrupt: { title: "An entry's content is damaged", status: 422, retryable: false },
	archive_nested: { title: "An entry is itself an archive", status: 422, retryable: false },

	// Manifests and modules
	manifest_unreadable: { title: "The manifest cannot be read", status: 422, retryable: false },
	manifest_invalid: { title: "The manifest is not valid", status: 422, retryable: false },
	api_call_missing: { title: "No module runs declared requests here", status: 422, retryable: false },
	module_refused: { title: "The module is refused", status: 422, retryable: false },
	module_probe_failed: { title: "The module does not compile or start", status: 422, retryable: false },

	// Plugins
	plugin_not_found: { title: "No such plugin", status: 404, retryable: false },
	plugin_exists: { title: "The plugin is installed already", status: 409, retryable: false },
	plugin_name_differs: { title: "The package holds another plugin", status: 422, retryable: false },
	version_exists: { title: "The version exists with other content", status: 409, retryable: false },
	version_not_found: { title: "No such version", status: 404, retryable: false },
	rollback_impossible: { title: "There is nothing to roll back to", status: 409, retryable: false },
	grants_missing: { title: "Permissions are not granted", status: 409, retryable: false },
	dependencies_missing: { title: "Plugins that it needs are missing", status: 409, retryable: false },
	dependency_cycle: { title: "Plugins would need each other", status: 409, retryable: false },
	dependents_exist: { title: "Enabled plugins depend on it", status: 409, retryable: false },
	grant_not_asked: { title: "The plugin does not ask for this permission", status: 422, retryable: false },

	// Rollouts
	rollout_invalid: { title: "There is nothing to roll out", status: 409, retryable: false },
	rollout_running: { title: "A rollout of the plugin runs", status: 409, retryable: false },
	rollout_not_found: { title: "No such rollout", status: 404, retryable: false },
	rollout_ended: { title: "The rollout has ended", status: 409, retryable: false },

	// Signatures and trust
	signature_missing: { title: "The package is not signed", status: 422, retryable: false },
	signature_malformed: { title: "The signature cannot be read", status: 422, retryable: false },
	signature_other_plugin: { title: "The signature is for another package", status: 422, retryable: false },
	package_altered: { title: "The package was changed after it was signed", status: 422, retryable: false },
	signature_invalid: { title: "The signature is not its publisher's", status: 422, retryable: false },
	publisher_unknown: { title: "The publisher is not trusted", status: 422, retryable: false },
	publisher_differs: { title: "The plugin belongs to another publisher", status: 409, retryable: false },
	publisher_exists: { title: "The publisher is trusted already", status: 409, retryable: false },
	publisher_not_found: { title: "No such trusted publisher", status: 404, retryable: false },
	version_recalled: { title: "The version was recalled", status: 409, retryable: false },
	recall_not_found: { title: "No such recall", status: 404, retryable: false },
	consent_needed: { title: "An admin has to accept the update", status: 409, retryable: false },

	// Marketplaces
	market_source_exists: { title: "There is a source of this name", status: 409, retryable: false },
	market_source_not_found: { title: "No such source", status: 404, retryable: false },
	market_entry_not_found: { title: "No marketplace offers this", status: 404, retryable: false },
	market_address_refused: { title: "The address is not fetched from", status: 422, retryable: false },
	market_unreachable: { title: "The marketplace cannot be reached", status: 502, retryable: true },
	market_answer_refused: { title: "The marketplace's answer is refused", status: 502, retryable: false },
	index_invalid: { title: "The index is not valid", status: 502, retryable: false },
	index_signature_invalid: { title: "The index is not signed by its publisher", status: 502, retryable: false },
	index_expired: { title: "The index has expired", status: 502, retryable: false },
	index_outdated: { title: "The index is an older one", status: 502, retryable: false },
	name_lookalike: { title: "The name looks like that of another plugin", status: 409, retryable: false },

	// Configuration, limits and bindings
	config_invalid: { title: "The configuration is not valid", status: 422, retryable: false },
	limits_invalid: { title: "The limits do not fit the plugin", status: 422, retryable: false },
	change_contended: { title: "Too many changes at once", status: 503, retryable: true },
	secret_unreadable: { title: "A stored secret cannot be opened", status: 409, retryable: false },
	binding_exists: { title: "The plugin is bound to this assistant already", status: 409, retryable: false },
	binding_not_found: { title: "No such binding", status: 404, retryable: false },
	binding_invalid: { title: "The binding is not valid", status: 422, retryable: false },
	binding_mandatory: { title: "The tenant's binding is mandatory", status: 409, retryable: false },
	opt_in_not_asked: { title: "The binding does not ask users to opt in", status: 409, retryable: false },
	opt_in_full: { title: "The list of users is full", status: 409, retryable: false },
	user_configs_full: { title: "Too many users have configurations of their own", status: 409, retryable: false },
	route_table_too_large: { title: "The route table would be too large", status: 409, retryable: false },

	// Executions and keys
	execution_not_found: { title: "No such execution", status: 404, retryable: false },
	too_many_live_feeds: { title: "Too many live feeds are open", status: 429, retryable: true },
	api_key_not_found: { title: "No such API key", status: 404, retryable: false },
	last_admin_key: { title: "This is the last admin key", status: 409, retryable: false },

	// Dead letters
	dead_letter_not_found: { title: "No such dead letter", status: 404, retryable: false },
	dead_letter_not_replayable: { title: "The dead letter cannot be replayed", status: 409, retryable: false },

	// Recordings
	recording_not_found: { title: "No such recording", status: 404, retryable: false },
	recorded_event_not_found: { title: "No such recorded event", status: 404, retryable: false },
	recordings_full: { title: "There are too many recordings", status: 409, retryable: false },

	// Replays
	replay_not_found: { title: "No such replay", status: 404, retryable: false },
	replay_running: { title: "A replay runs", status: 409, retryable: true },

	// Tenants
	tenant_exists: { title: "The tenant exists already", status: 409, retryable: false },

	// Keys of secrets
	key_rotation_running: { title: "A rotation of keys runs", status: 409, retryable: true },

	// Fleet
	not_applied_in_time: { title: "The change is stored, but not applied everywhere yet", status: 504, retryable: true },
	activation_failed: { title: "A runtime could not take the plugin into service", status: 502, retryable: false },

	// Service
	bus_unavailable: { title: "The bus is not available", status: 503, retryable: true },
	database_unavailable: { title: "The database is not available", status: 503, retryable: true },
	database_locked: { title: "The database directory is in use", status: 500, retryable: false },
	database_role_missing: { title: "The database user lacks a role", status: 500, retryable: false },
	database_tls_failed: { title: "The database's certificate is not to be trusted", status: 500, retryable: false },
	stopping: { title: "The service is stopping", status: 503, retryable: true },
} as const;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** One factory per code: `errors.plugin_not_found("plugin x …")`. */
export const errors = defineErrors(ERROR_CATALOGUE);
