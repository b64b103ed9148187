// Where an attack takes place: a real NATS server, a runtime in a process of its own, and well-behaved plugins whose events keep
// flowing through the same runtime. What the attack costs them is measured against the same traffic while nobody attacks.
import { readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Verdict } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { type TestPlugin, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import type { StartedProcess } from "../support/start-process.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { startTraffic, type Traffic } from "../support/traffic.js";
import { type Attack, type HostilePlugin, TIME_LIMIT_MS } from "./attack.js";
import { INTERNET, KEEPER, keepCanaries, type OutsideWorld, openOutsideWorld } from "./outside-world.js";

export interface AttackResult {
	readonly attack: Attack;
	/** What was not as it must be; empty: contained. */
	readonly faults: readonly string[];
	/** Milliseconds until the slowest of its events was answered. */
	readonly slowestMs: number;
}

export interface Totals {
	readonly total: number;
	readonly contained: number;
	/** Events of the well-behaved plugins. */
	readonly goodEvents: number;
	/** Those that were not answered by all of their plugins. */
	readonly goodLost: number;
	/** 99th percentile of their times during attacks, by that of the time in between. */
	readonly goodP99Ratio: number;
}

interface GoodEvent {
	readonly lost: boolean;
	readonly ms: number;
	/** An attack ran at its beginning or at its end. */
	readonly attacked: boolean;
}

const HOOK = "on_chat_message";
/** Milliseconds after which a verdict is late although the plugin was stopped at its limit. */
const LATE_MS = 2_000;
const plugins = resolve(import.meta.dirname, "../../plugins-wasm");

export class AttackStage {
	readonly #connection: NatsConnection;
	readonly #routes: TestRoutes;
	readonly #runtime: StartedProcess;
	readonly #good: readonly TestPlugin[];
	/** Made and stored before the traffic begins: assembling takes a while in the very process that sends the good events. */
	readonly #modules: ReadonlyMap<Attack, Uint8Array>;
	readonly #traffic: Traffic<GoodEvent>;
	readonly #quietMs: number;
	readonly #world: OutsideWorld;
	readonly #results: AttackResult[] = [];
	#attacking = false;
	#attacks = 0;

	private constructor(
		connection: NatsConnection,
		routes: TestRoutes,
		runtime: StartedProcess,
		good: readonly TestPlugin[],
		modules: ReadonlyMap<Attack, Uint8Array>,
		quietMs: number,
		world: OutsideWorld,
	) {
		this.#quietMs = quietMs;
		this.#world = world;
		this.#modules = modules;
		this.#connection = connection;
		this.#routes = routes;
		this.#runtime = runtime;
		this.#good = good;
		this.#traffic = startTraffic(() => this.#sendGood(), { callers: 4, everyMs: 20 });
	}

	/**
	 * Starts everything; it is stopped with the test, or by `closeFile` of close-after.ts.
	 *
	 * @param quietMs milliseconds without an attack after each, for the comparison of times
	 */
	static async start(attacks: readonly Attack[], quietMs: number): Promise<AttackStage> {
		const nats = await startNats();
		const connection = await connectTo(nats.url);
		const world = await openOutsideWorld();
		const runtime = await spawnRuntime({
			natsUrl: nats.url,
			settings: { HOOKBUS_HTTP_PRIVATE_RANGES: INTERNET, HOOKBUS_HTTP_DNS_SERVERS: world.nameServer },
		});
		const routes = new TestRoutes(connection);
		const good = goodPlugins();
		await routes.apply(good);
		await keepCanaries(connection, routes.tenant, KEEPER);
		const modules = new Map<Attack, Uint8Array>();
		for (const attack of attacks) {
			const module = await attack.module(world);
			modules.set(attack, module);
			await routes.store(module);
		}
		// Code that has run a few times is compiled; the first events would only show that.
		for (let event = 0; event < 200; event += 1) await ask(connection, chatEvent("warming up", { assistant: "good" }));
		const stage = new AttackStage(connection, routes, runtime, good, modules, quietMs, world);
		await delay(1_000);
		return stage;
	}

	/** Attacks, and looks at everything that must hold. */
	async run(attack: Attack): Promise<AttackResult> {
		const faults: string[] = [];
		let slowestMs = 0;
		this.#attacking = true;
		this.#attacks += 1;
		try {
			await this.#routes.apply([...this.#good, this.#pluginOf(attack)]);
			const send = async (text: string) => {
				const started = performance.now();
				const verdict = await ask(this.#connection, chatEvent(text, { assistant: "victim" }), 10_000).catch((thrown: unknown) => {
					faults.push(`an event was not answered: ${String(thrown)}`);
					return undefined;
				});
				slowestMs = Math.max(slowestMs, performance.now() - started);
				if (verdict !== undefined) faults.push(...faultsOf(attack, verdict, text));
			};
			const texts = attack.texts ?? ["an event for the hostile plugin", "and another one"];
			if (attack.together) await Promise.all(texts.map(send));
			else for (const text of texts) await send(text);
			if (slowestMs > LATE_MS) faults.push(`a verdict took ${Math.round(slowestMs)} ms`);
			if (this.#world.trespasses > 0) faults.push("something was connected to that nobody may reach");
			if (!this.#runtime.alive) faults.push(`the runtime ended: ${this.#runtime.output().slice(-400)}`);
		} catch (thrown) {
			faults.push(thrown instanceof Error ? thrown.message : String(thrown));
		}
		this.#attacking = false;
		await delay(this.#quietMs);
		const result = { attack, faults: [...new Set(faults)], slowestMs };
		this.#results.push(result);
		return result;
	}

	/** Ends the traffic and sums everything up. */
	async finish(): Promise<Totals> {
		const good = await this.#traffic.stop();
		const p99 = (attacked: boolean) => percentile99(good.filter((event) => event.attacked === attacked).map(({ ms }) => ms));
		return {
			total: this.#results.length,
			contained: this.#results.filter(({ faults }) => faults.length === 0).length,
			goodEvents: good.length,
			goodLost: good.filter(({ lost }) => lost).length,
			goodP99Ratio: Math.round((p99(true) / p99(false)) * 1_000) / 1_000,
		};
	}

	#pluginOf(attack: Attack): TestPlugin {
		const effect = attack.effect ?? "gate";
		const { limits, ...changes } = pluginOf(attack, this.#world);
		return {
			name: `hostile-${this.#attacks}`,
			module: this.#modules.get(attack) as Uint8Array,
			limits: { memoryPages: 64, ...limits },
			...changes,
			bindings: [
				{
					hook: HOOK,
					effect,
					assistant: "victim",
					timeoutMs: limits?.timeoutMs ?? TIME_LIMIT_MS,
					...(effect === "transform" ? { paths: ["/messages"], onError: "closed" } : {}),
				},
			],
		};
	}

	async #sendGood(): Promise<GoodEvent> {
		const before = this.#attacking;
		const started = performance.now();
		const verdict = await ask(
			this.#connection,
			chatEvent("please write to jane.doe@example.com", { assistant: "good" }),
			5_000,
		).catch(() => undefined);
		const ms = performance.now() - started;
		const lost =
			verdict?.action !== "modified" ||
			verdict.trail.length !== this.#good.length ||
			verdict.trail.some(({ outcome }) => outcome !== "ok");
		return { lost, ms, attacked: before || this.#attacking };
	}
}

function goodPlugins(): TestPlugin[] {
	const built = (name: string) => readFileSync(resolve(plugins, name, "build/plugin.wasm"));
	const binding = { hook: HOOK, assistant: "good", timeoutMs: 3_000 } as const;
	return [
		{
			name: "pii-redactor",
			module: built("pii-redactor"),
			bindings: [{ ...binding, effect: "transform", order: 1, paths: ["/messages"] }],
		},
		{ name: "prompt-guard", module: built("prompt-guard"), bindings: [{ ...binding, effect: "gate", order: 2 }] },
	];
}

function pluginOf({ plugin }: Attack, world: OutsideWorld): HostilePlugin {
	return typeof plugin === "function" ? plugin(world) : (plugin ?? {});
}

function faultsOf(attack: Attack, verdict: Verdict, text: string): string[] {
	const entry = verdict.trail[0];
	if (entry === undefined) return ["the trail is empty"];
	if (entry.outcome !== attack.outcome)
		return [`the invocation ended as ${entry.outcome}, not ${attack.outcome}: ${entry.error ?? "no error"}`];
	if (attack.error !== undefined && !attack.error.test(entry.error ?? ""))
		return [`the error does not say ${attack.error}: ${entry.error}`];
	const failed = entry.outcome !== "ok";
	if (failed !== (verdict.action === "blocked")) return [`the verdict is ${verdict.action}`];
	const exposed = exposedBy(entry.error ?? "");
	if (exposed !== undefined) return [exposed];
	const seen = attack.looksAt?.(verdict, text);
	return seen === undefined ? [] : [seen];
}

/** What an error must not tell: where the host is installed, or how it works. */
const INSIDE = [process.cwd(), homedir(), tmpdir(), "node_modules", "dist/"];

function exposedBy(error: string): string | undefined {
	if (Buffer.byteLength(error) > 512) return `the error has ${Buffer.byteLength(error)} bytes`;
	if (/[\u0000-\u001f]/.test(error)) return `the error has several lines: ${error}`;
	const inside = INSIDE.some((path) => error.includes(path)) || /\bat \S+.*:\d+:\d+/.test(error);
	return inside ? `the error shows the host's own files: ${error}` : undefined;
}

function percentile99(samples: readonly number[]): number {
	const sorted = [...samples].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
}
