// All tables of the control plane.
export { apiKeys } from "./api-keys.js";
export { auditLog } from "./audit-log.js";
export { bindingOptIns } from "./binding-opt-ins.js";
export { bindings } from "./bindings.js";
export { executionFigures } from "./execution-figures.js";
export { executions } from "./executions.js";
export { idempotencyKeys } from "./idempotency-keys.js";
export { outbox } from "./outbox.js";
export { pluginConfigs } from "./plugin-configs.js";
export { pluginGrants } from "./plugin-grants.js";
export { pluginSnapshots } from "./plugin-snapshots.js";
export { pluginVersions } from "./plugin-versions.js";
export { plugins } from "./plugins.js";
export { rollouts } from "./rollouts.js";
export { storePurges } from "./store-purges.js";
export { tenants } from "./tenants.js";
