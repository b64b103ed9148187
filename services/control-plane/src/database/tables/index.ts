// All tables of the control plane.
export { apiKeys } from "./api-keys.js";
export { auditLog } from "./audit-log.js";
export { bindings } from "./bindings.js";
export { executions } from "./executions.js";
export { marketplaceEntries } from "./marketplace-entries.js";
export { marketplaceSources } from "./marketplace-sources.js";
export { outbox } from "./outbox.js";
export { pluginConfigs } from "./plugin-configs.js";
export { pluginGrants } from "./plugin-grants.js";
export { pluginVersions } from "./plugin-versions.js";
export { plugins } from "./plugins.js";
export { recalls } from "./recalls.js";
export { storePurges } from "./store-purges.js";
export { tenants } from "./tenants.js";
export { trustPolicies } from "./trust-policies.js";
export { trustedPublishers } from "./trusted-publishers.js";
