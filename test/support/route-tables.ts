// Puts route tables and modules on the bus as the control plane does, so that the runtime can be tested by itself.
import { createHash } from "node:crypto";
import { ensureBus } from "@hookbus/foundation";
import {
	DEFAULT_FAILURE_POLICY,
	DEFAULT_LIMITS,
	type Effect,
	type FailurePolicy,
	HEARTBEAT_SUBJECTS,
	type HookName,
	type HookPolicy,
	type HookRoutes,
	type NetworkRule,
	type Permission,
	type PluginLimits,
	type RoutedPlugin,
	type RouteStep,
	type RouteTable,
	type RuntimeStatus,
	type ToolDefinition,
	type ToolPhase,
	type UserConfig,
} from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { makeTenantBox } from "./tenant-box.js";

export interface TestPlugin {
	readonly name: string;
	readonly module: Uint8Array;
	readonly version?: string;
	readonly grants?: readonly Permission[];
	readonly config?: Record<string, unknown>;
	readonly network?: readonly NetworkRule[];
	/** Sealed with {@link TEST_MASTER_KEY}. */
	readonly secrets?: Readonly<Record<string, string>>;
	readonly limits?: PluginLimits;
	readonly tools?: readonly ToolDefinition[];
	readonly bindings: readonly TestBinding[];
	/** What users have as their own: top-level properties, and secrets to be sealed for them. */
	readonly users?: Readonly<Record<string, { config?: Record<string, unknown>; secrets?: Readonly<Record<string, string>> }>>;
}

export interface TestBinding {
	readonly hook: HookName;
	readonly effect: Effect;
	readonly mode?: RouteStep["mode"];
	readonly order?: number;
	readonly onError?: FailurePolicy;
	readonly timeoutMs?: number;
	readonly paths?: readonly string[];
	readonly phases?: readonly ToolPhase[];
	readonly share?: RouteStep["share"];
	/** Only for these users. */
	readonly users?: readonly string[];
	/** Default: all assistants. */
	readonly assistant?: string;
}

export const TEST_MASTER_KEY = Buffer.alloc(32, 7).toString("base64");

export class TestRoutes {
	readonly #connection: NatsConnection;
	readonly tenant: string;
	readonly ackWaitMs: number;
	revision = 0;
	/** Digests that the next tables name as recalled. */
	recalled: readonly string[] = [];
	#bus: ReturnType<typeof ensureBus> | undefined;

	constructor(connection: NatsConnection, tenant = "acme", ackWaitMs = 60_000) {
		this.#connection = connection;
		this.tenant = tenant;
		this.ackWaitMs = ackWaitMs;
	}

	/** Puts a module into the object store, unless it is there. */
	async store(module: Uint8Array): Promise<void> {
		const { modules } = await this.#ensured();
		const digest = digestOf(module);
		if ((await modules.info(digest)) === null) await modules.putBlob({ name: digest }, module);
	}

	/** Publishes a table with these plugins and returns its revision. Does not wait until it is applied. */
	async put(plugins: readonly TestPlugin[]): Promise<number> {
		const bus = await this.#ensured();
		for (const { module } of plugins) await this.store(module);
		this.revision += 1;
		const built = buildTable(this.tenant, this.revision, plugins);
		const table = this.recalled.length === 0 ? built : { ...built, recalled: [...this.recalled] };
		await sealSecrets(table, plugins);
		await bus.routes.put(this.tenant, JSON.stringify(table));
		await bus.policies.put(this.tenant, JSON.stringify(buildPolicy(table)));
		return this.revision;
	}

	#ensured(): ReturnType<typeof ensureBus> {
		this.#bus ??= ensureBus(this.#connection, { replicas: 1, ackWaitMs: this.ackWaitMs });
		return this.#bus;
	}

	/** Publishes a table and waits until `runtimes` runtimes have applied it. */
	async apply(plugins: readonly TestPlugin[], runtimes = 1): Promise<RuntimeStatus[]> {
		const seen = new Map<string, RuntimeStatus>();
		const subscription = this.#connection.subscribe(HEARTBEAT_SUBJECTS);
		await this.#connection.flush();
		const revision = await this.put(plugins);
		const timer = setTimeout(() => subscription.unsubscribe(), 120_000);
		for await (const message of subscription) {
			const status = message.json<RuntimeStatus>();
			if ((status.tenants[this.tenant]?.revision ?? 0) >= revision) seen.set(status.runtime, status);
			if (seen.size >= runtimes) break;
		}
		clearTimeout(timer);
		subscription.unsubscribe();
		if (seen.size < runtimes)
			throw new Error(`revision ${revision} was applied by ${seen.size} of ${runtimes} runtimes after 120 s`);
		return [...seen.values()];
	}
}

/** For one invocation. Long: only tests about time may depend on how fast the machine is. */
const TIMEOUT_MS = 5_000;

export function digestOf(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

async function sealSecrets(table: RouteTable, plugins: readonly TestPlugin[]): Promise<void> {
	const { tenant, plugins: routed, userConfigs } = table;
	const { box, dataKeys } = await makeTenantBox(tenant, TEST_MASTER_KEY);
	table.dataKeys = dataKeys;
	for (const { name, secrets = {}, users = {} } of plugins) {
		for (const [user, own] of Object.entries(users)) {
			const entry = userConfigs?.[name]?.find((each) => each.user === user);
			for (const [field, value] of Object.entries(own.secrets ?? {})) {
				(entry as UserConfig).secrets[field] = await box.seal(value, { tenant, plugin: name, field, user });
			}
		}
		for (const [field, value] of Object.entries(secrets)) {
			const sealed = await box.seal(value, { tenant, plugin: name, field });
			(routed[name] as RoutedPlugin).secrets[field] = sealed;
		}
	}
}

/** The policy that clients apply when nobody answers. */
export function buildPolicy(table: RouteTable): HookPolicy {
	const policy: HookPolicy = { spec: "1", tenant: table.tenant, revision: table.revision, hooks: {} };
	const rule = (steps: readonly RouteStep[]): FailurePolicy =>
		steps.some((step) => step.mode === "enforce" && step.onError === "closed") ? "closed" : "open";
	for (const [hook, routes] of Object.entries(table.hooks) as [HookName, HookRoutes][]) {
		policy.hooks[hook] = {
			...(routes.all === undefined ? {} : { all: rule(routes.all) }),
			assistants: Object.fromEntries(Object.entries(routes.assistants).map(([assistant, steps]) => [assistant, rule(steps)])),
		};
	}
	return policy;
}

export function buildTable(tenant: string, revision: number, plugins: readonly TestPlugin[]): RouteTable {
	const table: RouteTable = { spec: "1", tenant, revision, compiledAt: new Date().toISOString(), plugins: {}, hooks: {} };
	for (const plugin of plugins) {
		const config = plugin.config ?? {};
		table.plugins[plugin.name] = {
			name: plugin.name,
			version: plugin.version ?? "1.0.0",
			digest: digestOf(plugin.module),
			size: plugin.module.length,
			configRevision: createHash("sha256")
				.update(JSON.stringify([config, plugin.grants, plugin.network, plugin.limits]))
				.digest("hex")
				.slice(0, 16),
			config,
			secrets: {},
			grants: [...(plugin.grants ?? ["read_messages"])],
			network: [...(plugin.network ?? [])],
			limits: { ...DEFAULT_LIMITS, timeoutMs: TIMEOUT_MS, ...plugin.limits },
			tools: [...(plugin.tools ?? [])],
		};
		const users = Object.entries(plugin.users ?? {}).map(([user, { config: own = {}, secrets }]) => ({
			user,
			configRevision: createHash("sha256")
				.update(JSON.stringify([config, own, plugin.grants, plugin.network, plugin.limits, secrets, secrets && user]))
				.digest("hex")
				.slice(0, 16),
			config: own,
			secrets: {},
		}));
		if (users.length > 0) table.userConfigs = { ...table.userConfigs, [plugin.name]: users };
		for (const binding of plugin.bindings) {
			table.hooks[binding.hook] ??= { assistants: {} };
			const routes = table.hooks[binding.hook] as HookRoutes;
			if (binding.users !== undefined) table.optIns = { ...table.optIns, [plugin.name]: [...binding.users] };
			stepsOf(routes, binding.assistant).push({
				plugin: plugin.name,
				effect: binding.effect,
				mode: binding.mode ?? "enforce",
				onError: binding.onError ?? DEFAULT_FAILURE_POLICY[binding.effect],
				order: binding.order ?? 100,
				timeoutMs: binding.timeoutMs ?? plugin.limits?.timeoutMs ?? TIMEOUT_MS,
				paths: [...(binding.paths ?? [])],
				...(binding.phases === undefined ? {} : { phases: [...binding.phases] }),
				...(binding.share === undefined ? {} : { share: binding.share }),
				...(binding.users === undefined ? {} : { optIn: plugin.name }),
			});
		}
	}
	for (const routes of Object.values(table.hooks)) {
		const sort = (steps: RouteStep[]) => steps.sort((a, b) => a.order - b.order || (a.plugin < b.plugin ? -1 : 1));
		if (routes.all !== undefined) sort(routes.all);
		for (const steps of Object.values(routes.assistants)) sort(steps);
	}
	return table;
}

/** The steps of one assistant, or of all, as a list to add to. */
function stepsOf(routes: HookRoutes, assistant: string | undefined): RouteStep[] {
	if (assistant === undefined) {
		routes.all ??= [];
		return routes.all;
	}
	routes.assistants[assistant] ??= [];
	return routes.assistants[assistant];
}
