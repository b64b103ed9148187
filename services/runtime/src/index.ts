// What tests and the benchmark may import; the service itself is main.js.

export { applyMergePatch, jsonFault, scopePatch } from "./chain/merge-patch.js";
export { RecentPlugins } from "./chain/recent-plugins.js";
export { replyBudgetMs } from "./chain/reply-budget.js";
export { setEngineFlags } from "./engine-flags.js";
export type { HttpRequest, HttpResponse } from "./host-calls/host-call.js";
export { HostCallError } from "./host-calls/host-call-errors.js";
export { AddressGuard } from "./host-calls/http/guard-address.js";
export { createHttpFunction, type HttpOptions } from "./host-calls/http/http-function.js";
export type { PluginRights } from "./host-calls/plugin-rights.js";
export { monotonicMs } from "./monotonic-clock.js";
export { type Invocation, LoadedPlugin } from "./plugin-host/loaded-plugin.js";
export { secretForms } from "./plugin-host/mask-secrets.js";
export { ModuleLinker } from "./plugin-host/module-linker.js";
export type { PluginImage } from "./plugin-host/plugin-image.js";
export { PluginInstance } from "./plugin-host/plugin-instance.js";
export { type ModuleRequest, type ModuleSource, ModuleStore } from "./routing/module-store.js";
export { type Runtime, type RuntimeParts, startRuntime } from "./runtime.js";
export { RuntimeSettings } from "./settings.js";
export type { ChainExecutor } from "./threads/chain-executor.js";
export type { CallCompletion, HookCall } from "./threads/hook-call.js";
export { InlineExecutor } from "./threads/inline-executor.js";
export type { LoadFault, ThreadChain, ThreadStep } from "./threads/thread-messages.js";
export { type PoolObserver, ThreadPool, type ThreadPoolOptions } from "./threads/thread-pool.js";
