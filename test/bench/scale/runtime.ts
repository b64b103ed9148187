// How a runtime takes tables of ten thousand bindings while events run, and what an event costs with such a table in service.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ensureBus, readSettings } from "@hookbus/foundation";
import { RuntimeSettings, startRuntime } from "@hookbus/runtime";
import { HEARTBEAT_SUBJECTS, type RouteTable, type RuntimeStatus } from "@hookbus/schemas";
import pino from "pino";
import { ask } from "../../support/ask.js";
import { chatEvent } from "../../support/events.js";
import { assistantName, everyHookModule, largeTable, putPacked } from "../../support/large-tables.js";
import { digestOf, TEST_MASTER_KEY } from "../../support/route-tables.js";
import { startTraffic } from "../../support/traffic.js";
import type { BenchBus } from "../bench-bus.js";
import { timeInTurns } from "../measure.js";

export interface Taken {
	/** Milliseconds from the table on the bus to the runtime's word that it runs it. */
	readonly tookMs: number;
	/** Longest standstill of the runtime's event loop meanwhile, in milliseconds. */
	readonly pauseMs: number;
}

export interface RuntimeFigures {
	/** Ten thousand bindings that the runtime has never seen. */
	readonly first: Taken;
	/** The same with every chain changed. */
	readonly allChanged: Taken;
	/** The same with the chains of one assistant changed. */
	readonly oneChanged: Taken;
	/** A table with so many plugins of a module each. */
	readonly plugins: Taken & { readonly modules: number };
	/** Median of an event among ten thousand bindings, over that of one among ten. */
	readonly eventRatio: number;
	readonly eventUs: { readonly large: number; readonly small: number };
}

const ASSISTANTS = 1_000;
/** Assistants that take turns in sending events. */
const SENDING = 50;

export async function measureRuntime(bus: BenchBus, modules: number, say: (text: string) => void): Promise<RuntimeFigures> {
	const { connection } = bus;
	const buckets = await ensureBus(connection, { replicas: 1, ackWaitMs: 60_000 });
	const module = await everyHookModule();
	await buckets.modules.putBlob({ name: digestOf(module) }, module);
	const plugins = Array.from({ length: 10 }, (_, index) => ({ name: `plugin-${index}`, module, config: { index } }));
	const table = (tenant: string, revision: number, assistants: number) => largeTable({ tenant, revision, plugins, assistants });
	const runtime = await startRuntime({
		settings: readSettings(RuntimeSettings, {
			HOOKBUS_NATS_URL: bus.url,
			HOOKBUS_MASTER_KEY: TEST_MASTER_KEY,
			HOOKBUS_CACHE_DIR: bus.directory("modules"),
			HOOKBUS_HTTP_PORT: "0",
		}),
		logger: pino({ level: "silent" }),
		lastResort: (reason) => {
			throw new Error(reason);
		},
		recycle: () => undefined,
	});
	const take = async (next: RouteTable): Promise<Taken> => {
		const subscription = connection.subscribe(HEARTBEAT_SUBJECTS);
		await connection.flush();
		await putPacked(buckets, next);
		const started = performance.now();
		const delay = monitorEventLoopDelay({ resolution: 1 });
		delay.enable();
		for await (const message of subscription) {
			if ((message.json<RuntimeStatus>().tenants[next.tenant]?.revision ?? 0) >= next.revision) break;
		}
		delay.disable();
		return { tookMs: Math.round(performance.now() - started), pauseMs: Math.round(delay.max / 1e6) };
	};
	const send = (tenant: string) => (assistant: number) =>
		ask(connection, chatEvent("a plain sentence. ".repeat(40), { tenant, assistant: assistantName(assistant) }));

	await take(table("small", 1, 1));
	const [one, two] = [table("large", 1, ASSISTANTS), table("large", 2, ASSISTANTS)];
	const traffic = startTraffic(() => send("small")(0), { callers: 2, everyMs: 5 });
	say("taking ten thousand bindings …");
	const first = await take(one);
	const allChanged = await take(two);
	const oneChanged = await take(withoutSteps(two, assistantName(ASSISTANTS - 1)));
	say(`taking ${modules} modules …`);
	const manyPlugins = distinctPlugins(modules, module);
	for (const plugin of manyPlugins) await buckets.modules.putBlob({ name: digestOf(plugin.module) }, plugin.module);
	const many = await take(
		largeTable({ tenant: "many", revision: 1, plugins: manyPlugins, assistants: 1, hooks: ["on_before_response"] }),
	);
	await traffic.stop();
	say("sending events …");
	let turn = 0;
	const pair = await timeInTurns(
		() => {
			turn += 1;
			return send("large")(turn % SENDING);
		},
		() => send("small")(0),
		60,
		50,
	);
	await runtime.stop();
	return {
		first,
		allChanged,
		oneChanged,
		plugins: { ...many, modules },
		eventRatio: pair.ours / pair.other,
		eventUs: { large: Math.round(pair.ours), small: Math.round(pair.other) },
	};
}

/** The next revision, in which one assistant has nothing. */
function withoutSteps(table: RouteTable, assistant: string): RouteTable {
	const hooks = Object.entries(table.hooks).map(([hook, { assistants }]) => [
		hook,
		{ assistants: { ...assistants, [assistant]: [] } },
	]);
	return { ...table, revision: table.revision + 1, hooks: Object.fromEntries(hooks) };
}

/** Plugins whose modules differ by a section that nobody reads. */
function distinctPlugins(count: number, module: Uint8Array) {
	return Array.from({ length: count }, (_, index) => {
		const section = Buffer.concat([Buffer.from([0, 9, 8]), Buffer.from(String(index).padStart(8, "0"))]);
		return { name: `many-${index}`, module: Buffer.concat([module, section]), config: {} };
	});
}
