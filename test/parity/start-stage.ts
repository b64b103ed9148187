// Everything that a parity test talks to: the control plane over HTTP, a runtime as its own process, and a chat service's connection. One
// of each for a file; each test brings plugins of its own and takes them away again.
import type { ExecutionPage, ExecutionRecord, HookEvent, PluginChange, PluginDetail, Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { expect } from "vitest";
import type { ApiClient } from "../support/api-client.js";
import { ask } from "../support/ask.js";
import { closeAfter } from "../support/close-after.js";
import { connectTo } from "../support/connect.js";
import { manifestOf, zipOf } from "../support/plugin-package.js";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { startNats } from "../support/start-nats.js";
import type { StartedProcess } from "../support/start-process.js";
import { type RuntimeOptions, spawnRuntime } from "../support/start-runtime.js";
import { tempDir } from "../support/temp-dir.js";
import { waitFor } from "../support/wait-for.js";

/** Query of a call that answers when the fleet has the change. */
export const WAIT = "?wait=applied&waitMs=60000";

export type Hooks = readonly Record<string, unknown>[];
type Settings = Readonly<Record<string, string>>;

export class Stage {
	readonly natsUrl: string;
	readonly control: StartedControlPlane;
	readonly admin: ApiClient;
	readonly connection: NatsConnection;
	/** The one that runs from the start. */
	readonly runtime: StartedProcess;
	/** Settings of every runtime of this stage. */
	readonly #settings: Settings;

	private constructor(
		natsUrl: string,
		control: StartedControlPlane,
		connection: NatsConnection,
		settings: Settings,
		runtime: StartedProcess,
	) {
		this.natsUrl = natsUrl;
		this.control = control;
		this.admin = control.admin;
		this.connection = connection;
		this.#settings = settings;
		this.runtime = runtime;
	}

	/** @param settings of control plane and runtimes, by the names of their variables */
	static async start(settings: { readonly control?: Settings; readonly runtime?: Settings } = {}): Promise<Stage> {
		const { url } = await startNats();
		const cache = tempDir("parity-cache");
		const runtime = { HOOKBUS_CACHE_DIR: cache, ...settings.runtime };
		const [control, connection] = await Promise.all([
			startTestControlPlane({
				natsUrl: url,
				relayTiming: { reconcileMs: 200, moduleGraceMs: 0 },
				...(settings.control === undefined ? {} : { env: settings.control }),
			}),
			connectTo(url),
		]);
		await control.admin.ready();
		const first = await spawnRuntime({ natsUrl: url, id: "real", settings: runtime });
		return new Stage(url, control, connection, runtime, first);
	}

	/** Where the runtimes keep the modules that they fetched. */
	get cacheDir(): string {
		return this.#settings["HOOKBUS_CACHE_DIR"] ?? "";
	}

	/** One more; killed with the test. */
	spawnRuntime(options: Pick<RuntimeOptions, "id">): Promise<StartedProcess> {
		return spawnRuntime({ natsUrl: this.natsUrl, settings: this.#settings, ...options });
	}

	/** Sends a package as the admin who grants and enables all that it asks for; removed with the test. */
	async install(
		name: string,
		hooks: Hooks,
		module: Uint8Array,
		more: Readonly<Record<string, unknown>> = {},
		fields: Settings = { grants: "all", enable: "true" },
	): Promise<PluginChange> {
		const file = await zipOf(manifestOf(name, "1.0.0", hooks, more), module);
		closeAfter(() => this.admin.delete(`/api/v1/plugins/${name}`).catch(() => undefined));
		const answer = await this.admin.install<PluginChange>({ file, fields }, WAIT);
		expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
		return answer.body;
	}

	async show(name: string): Promise<PluginDetail> {
		return (await this.admin.get<PluginDetail>(`/api/v1/plugins/${name}`)).body;
	}

	send(event: HookEvent): Promise<Verdict> {
		return ask(this.connection, event);
	}

	/** Executions that fit a query, once there are so many. */
	executions(query: string, count: number): Promise<ExecutionRecord[]> {
		return waitFor(`${count} executions fit ${query}`, async () => {
			const { items } = (await this.admin.get<ExecutionPage>(`/api/v1/plugin-executions?${query}`)).body;
			return items.length === count ? items : undefined;
		});
	}
}
