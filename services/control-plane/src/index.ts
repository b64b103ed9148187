// What the start command and the tests may import.
export { CheckThreads } from "./checks/check-threads.js";
export { probeModule } from "./checks/module-probe.js";
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "./compose.js";
export { ERROR_CATALOGUE, type ErrorCode } from "./errors.js";
export {
	ACCESS_POLICY,
	type Access,
	ANSWER_FIELD_ROLES,
	accessOf,
	BINDING_FIELD_ROLES,
	PLATFORM_ROUTES,
	UPLOAD_FIELD_ROLES,
} from "./http/access-policy.js";
export { RateLimiter } from "./http/rate-limits.js";
export { IssuerKeys } from "./oidc/issuer-keys.js";
export { type OidcOptions, TokenVerifier } from "./oidc/token-verifier.js";
export { checkManifest, type ManifestReport, normaliseManifest } from "./plugins/check-manifest.js";
export { parseManifest } from "./plugins/parse-manifest.js";
export { readArchive, type WantedFiles } from "./plugins/read-archive.js";
export { compileRouteTable, type TableHead } from "./routing/compile-route-table.js";
export { derivePolicy } from "./routing/derive-policy.js";
export { explain } from "./routing/explain.js";
export type { RoutingBinding, RoutingInput, RoutingPlugin } from "./routing/routing-input.js";
export { ControlPlaneSettings, readControlPlaneSettings } from "./settings.js";
