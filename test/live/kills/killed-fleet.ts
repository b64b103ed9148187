// A control plane that is killed and comes back, with the bus and the one runtime that go on meanwhile. It compares what all of them
// hold: a change that is in one place and not in another would show up here, whatever the answer said.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createMasterKeys, createSecretOpener } from "@hookbus/foundation";
import {
	type BindingList,
	HEARTBEAT_SUBJECTS,
	type HookPolicy,
	isRouteTable,
	MODULE_STORE,
	type PluginConfig,
	type PluginDetail,
	type PluginHistory,
	type PluginList,
	type PluginVersionList,
	POLICY_BUCKET,
	ROUTE_BUCKET,
	type RouteTable,
	type RuntimeStatus,
} from "@hookbus/schemas";
import { type KV, type NatsConnection, NatsError, type ObjectStore } from "nats";
import { expect } from "vitest";
import type { ApiClient } from "../../support/api-client.js";
import { ask } from "../../support/ask.js";
import { connectTo } from "../../support/connect.js";
import { chatEvent } from "../../support/events.js";
import { TEST_MASTER_KEY } from "../../support/route-tables.js";
import { type SpawnedControlPlane, spawnControlPlane } from "../../support/spawn-control-plane.js";
import { startNats } from "../../support/start-nats.js";
import { spawnRuntime } from "../../support/start-runtime.js";
import { tempDir } from "../../support/temp-dir.js";
import { waitFor } from "../../support/wait-for.js";
import { type KnownState, running, shown } from "./known-state.js";

const TENANT = "default";

export class KilledFleet {
	readonly natsUrl: string;
	readonly dataDir: string;
	readonly connection: NatsConnection;
	readonly #databaseUrl: string | undefined;
	readonly #routes: KV;
	readonly #policies: KV;
	readonly #modules: ObjectStore;
	/** What the runtime said last. */
	#status: RuntimeStatus | undefined;
	#plane: SpawnedControlPlane;
	/** The first start made it. */
	readonly key: string;
	/** Milliseconds of each restart until the service was ready. */
	readonly restartMs: number[] = [];

	private constructor(
		natsUrl: string,
		databaseUrl: string | undefined,
		connection: NatsConnection,
		buckets: { routes: KV; policies: KV; modules: ObjectStore },
		plane: SpawnedControlPlane,
		dataDir: string,
	) {
		this.natsUrl = natsUrl;
		this.#databaseUrl = databaseUrl;
		this.connection = connection;
		this.#routes = buckets.routes;
		this.#policies = buckets.policies;
		this.#modules = buckets.modules;
		this.#plane = plane;
		this.key = plane.key;
		this.dataDir = dataDir;
		connection.subscribe(HEARTBEAT_SUBJECTS, {
			callback: (_failure, message) => {
				this.#status = message.json<RuntimeStatus>();
			},
		});
	}

	/** @param databaseUrl PostgreSQL; undefined: PGlite in the data directory */
	static async start(databaseUrl: string | undefined): Promise<KilledFleet> {
		const natsUrl = (await startNats()).url;
		const dataDir = tempDir("killed");
		const plane = await spawnControlPlane({ dataDir, env: environment(natsUrl, databaseUrl) });
		await plane.admin.ready();
		await spawnRuntime({ natsUrl, id: "witness" });
		const connection = await connectTo(natsUrl);
		const views = connection.jetstream().views;
		const buckets = {
			routes: await views.kv(ROUTE_BUCKET),
			policies: await views.kv(POLICY_BUCKET),
			modules: await views.os(MODULE_STORE),
		};
		return new KilledFleet(natsUrl, databaseUrl, connection, buckets, plane, dataDir);
	}

	get api(): ApiClient {
		return this.#plane.admin.as(this.key);
	}

	/** SIGKILL. Resolves when the process is gone. */
	async kill(): Promise<void> {
		await this.#plane.process.kill9();
	}

	/** Starts it again on the same database; resolves when it is ready. */
	async restart(): Promise<void> {
		const started = performance.now();
		this.#plane = await spawnControlPlane({ dataDir: this.dataDir, env: environment(this.natsUrl, this.#databaseUrl) });
		await this.api.ready();
		this.restartMs.push(performance.now() - started);
	}

	/** Starts it and kills it again, so many milliseconds later. */
	async startAndKill(afterMs: number): Promise<void> {
		const env = environment(this.natsUrl, this.#databaseUrl);
		const { process: started } = await spawnControlPlane({ dataDir: this.dataDir, env, expectExit: true });
		await delay(afterMs);
		await started.kill9();
	}

	/** What it wrote since its last start. */
	output(): string {
		return this.#plane.process.output();
	}

	/** The state as REST shows it, in the form of `shown`. */
	async state(api: ApiClient = this.api): Promise<Record<string, unknown>> {
		const { items } = (await api.get<PluginList>("/api/v1/plugins")).body;
		const bot = (await api.get<BindingList>("/api/v1/assistants/bot/plugins")).body.items;
		const all = (await api.get<BindingList>("/api/v1/assistants/*/plugins")).body.items;
		expect(all.map(({ plugin }) => plugin).sort()).toEqual(items.map(({ name }) => name).sort());
		expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(bot.map(({ plugin }) => plugin)));
		const entries = await Promise.all(
			items.map(async ({ name }) => {
				const path = `/api/v1/plugins/${name}`;
				const { version, status, permissions } = (await api.get<PluginDetail>(path)).body;
				const versions = (await api.get<PluginVersionList>(`${path}/versions`)).body.items;
				const { config } = (await api.get<PluginConfig>(`${path}/config`)).body;
				const own = bot.find(({ plugin }) => plugin === name);
				expect(permissions.missing).toEqual([]);
				const plugin = {
					version,
					versions: Object.fromEntries(versions.map((each) => [each.version, each.digest])),
					enabled: status === "enabled",
					config: { level: config["level"], token: (config["token"] as { set?: boolean } | undefined)?.set === true },
					bot: own === undefined ? undefined : { enabled: own.enabled, order: own.order },
				};
				return [name, plugin] as const;
			}),
		);
		return Object.fromEntries(entries);
	}

	/** Newest revision of a plugin's history. */
	async newestSnapshot(plugin: string): Promise<number | undefined> {
		const { body } = await this.api.get<PluginHistory>(`/api/v1/plugins/${plugin}/history?limit=1`);
		return body.items[0]?.revision;
	}

	/**
	 * Waits until the bus and the runtime hold what is known, and fails when they do not.
	 *
	 * @returns plugins that are enabled and not in the table yet, because what a deleted one of that name kept is still there
	 */
	async agrees(known: KnownState, api: ApiClient = this.api): Promise<string[]> {
		expect(readdirSync(join(this.dataDir, "staging"))).toEqual([]);
		const { desired } = (await api.get<{ desired: number }>("/api/v1/runtimes")).body;
		const table = await waitFor(`the bus has revision ${desired}`, async () => {
			const found = (await this.#routes.get(TENANT))?.json();
			return isRouteTable(found) && found.revision >= desired ? found : undefined;
		});
		expect(table.revision).toBe(desired);
		const policy = await waitFor(`the policy has revision ${desired}`, async () => {
			const found = (await this.#policies.get(TENANT))?.json<HookPolicy>();
			return found?.revision === desired ? found : undefined;
		});
		const held = await this.#compareTable(table, known);
		const isClosed = Object.values(table.plugins).length > 0 && table.hooks.on_chat_message?.all !== undefined;
		if (isClosed) expect(policy.hooks.on_chat_message).toHaveProperty("all");
		await this.#compareModules(table);
		await waitFor(`the runtime runs revision ${desired}`, () => (this.#status?.tenants[TENANT]?.revision ?? 0) >= desired);
		expect(this.#status?.tenants[TENANT]).toMatchObject({ revision: desired, faults: [] });
		for (const assistant of ["bot", "desk"] as const) {
			const expected = running(known, assistant);
			for (const name of held) delete expected[name];
			expect(await this.#trail(assistant), `what runs for ${assistant}`).toEqual(expected);
		}
		return held;
	}

	/** Digests of the modules that the bus has. */
	async modules(): Promise<string[]> {
		return (await this.#modules.list()).filter(({ deleted }) => !deleted).map(({ name }) => name);
	}

	async #compareTable(table: RouteTable, known: KnownState): Promise<string[]> {
		const enabled = Object.entries(known).filter(([, plugin]) => plugin.enabled);
		expect(enabled.map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(table.plugins)));
		const secrets = createSecretOpener(createMasterKeys(TEST_MASTER_KEY), table.dataKeys ?? {});
		for (const [name, { version, versions, config }] of enabled) {
			const routed = table.plugins[name];
			if (routed === undefined) continue;
			expect(routed).toMatchObject({ version, digest: versions[version] });
			expect(routed.config).toEqual(config.level === undefined ? {} : { level: config.level });
			const sealed = routed.secrets["token"];
			const token =
				sealed === undefined ? undefined : await secrets.open(sealed, { tenant: TENANT, plugin: name, field: "token" });
			expect(token).toBe(config.token);
		}
		return enabled.map(([name]) => name).filter((name) => table.plugins[name] === undefined);
	}

	async #compareModules(table: RouteTable): Promise<void> {
		for (const { digest } of Object.values(table.plugins)) {
			const blob = await this.#modules.getBlob(digest);
			expect(blob === null ? "missing" : createHash("sha256").update(blob).digest("hex")).toBe(digest);
		}
	}

	async #trail(assistant: string): Promise<Record<string, string>> {
		const event = chatEvent("hello", { tenant: TENANT, assistant });
		try {
			const { trail } = await ask(this.connection, event);
			expect(trail.map(({ outcome }) => outcome)).toEqual(trail.map(() => "ok"));
			return Object.fromEntries(trail.map(({ plugin, version }) => [plugin, version]));
		} catch (thrown) {
			// No runtime listens where nothing is bound.
			if (thrown instanceof NatsError && thrown.code === "503") return {};
			throw thrown;
		}
	}
}

function environment(natsUrl: string, databaseUrl: string | undefined): Record<string, string> {
	return { HOOKBUS_NATS_URL: natsUrl, ...(databaseUrl === undefined ? {} : { HOOKBUS_DATABASE_URL: databaseUrl }) };
}

/** Whether REST shows exactly this state. */
export function isShown(found: Record<string, unknown>, known: KnownState): boolean {
	try {
		expect(found).toEqual(shown(known));
		return true;
	} catch {
		return false;
	}
}
