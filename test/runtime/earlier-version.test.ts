// What goes on when a new version of a plugin, or a new configuration of it, fails: the earlier one, under the limits and with the
// secrets that an admin has set since. A plugin must not keep its old ones by failing.

import { createMasterKeys } from "@hookbus/foundation";
import { type PluginImage, setEngineFlags } from "@hookbus/runtime";
import type { PluginLimits, RoutedPlugin, RouteTable } from "@hookbus/schemas";
import pino from "pino";
import { expect, test } from "vitest";
import type { LinkedModules } from "../../services/runtime/src/plugin-host/linked-modules.js";
import type { ModuleRequest, ModuleStore } from "../../services/runtime/src/routing/module-store.js";
import { type PrepareParts, prepareTable } from "../../services/runtime/src/routing/prepare-table.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { moduleReturning } from "../support/module-returning.js";
import { buildTable, TEST_MASTER_KEY, TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { startRuntimeHere } from "../support/start-runtime.js";
import { makeTenantBox } from "../support/tenant-box.js";

setEngineFlags();

const hook = "on_chat_message" as const;

test("a plugin whose new version fails runs as the earlier version, within the new limits", async () => {
	const nats = await startNats();
	const connection = await connectTo(nats.url);
	await startRuntimeHere({ natsUrl: nats.url });
	const routes = new TestRoutes(connection);
	const plugin = (version: string, module: Uint8Array, limits: PluginLimits) =>
		routes.apply([{ name: "steady", version, module, limits, bindings: [{ hook, effect: "gate" }] }]);
	const outcomes = async () =>
		(await ask(connection, chatEvent("hello"))).trail.map(({ version, outcome }) => [version, outcome]);
	await plugin("1.0.0", await moduleReturning({ [hook]: { action: "continue", annotations: { a: "x".repeat(2_000) } } }), {});
	expect(await outcomes()).toEqual([["1.0.0", "ok"]]);
	const failing = await moduleReturning({ on_tool_call: { action: "continue" } });
	await plugin("2.0.0", failing, { outputBytes: 1_024 });
	expect(await outcomes()).toEqual([["1.0.0", "output_too_large"]]);
	await plugin("2.0.0", failing, { ratePerMinute: 1, memoryPages: 64 });
	expect(await outcomes()).toEqual([["1.0.0", "ok"]]);
	expect(await outcomes()).toEqual([["1.0.0", "rate_limited"]]);
});

test("its secrets, and its memory, are those of the new table; the same limits again are the same image", async () => {
	const { box, dataKeys } = await makeTenantBox("acme", TEST_MASTER_KEY);
	const asked: ModuleRequest[] = [];
	const parts: PrepareParts = {
		modules: {
			get: async (request: ModuleRequest) => {
				asked.push(request);
				return {} as LinkedModules;
			},
		} as unknown as ModuleStore,
		masterKeys: createMasterKeys(TEST_MASTER_KEY),
		executor: {
			inFlight: 0,
			threads: 0,
			probe: async ({ key, version }: PluginImage) =>
				version === "1.0.0" ? undefined : { image: key, code: "guest_error", message: "not today" },
			callOwn: async () => undefined,
			install: async () => {},
			remove() {},
			run: () => true,
			stop: async () => {},
		},
		ceiling: new Set(["network_access"]),
		userConfigsMs: 1_000,
		nextChainId: () => 1,
		logger: pino({ level: "silent" }),
	};
	const tableOf = async (revision: number, version: string, memoryPages: number, token: string): Promise<RouteTable> => {
		const module = Buffer.from(version);
		const bindings = [{ hook, effect: "gate" as const }];
		const table = buildTable("acme", revision, [
			{ name: "p", version, module, grants: ["network_access"], limits: { memoryPages }, bindings },
		]);
		const sealed = await box.seal(token, { tenant: "acme", plugin: "p", field: "token" });
		(table.plugins["p"] as RoutedPlugin).secrets["token"] = sealed;
		table.dataKeys = dataKeys;
		return table;
	};
	const first = await prepareTable(await tableOf(1, "1.0.0", 256, "old"), undefined, parts);
	const second = await prepareTable(await tableOf(2, "2.0.0", 16, "new"), first, parts);
	const third = await prepareTable(await tableOf(3, "2.0.0", 16, "newer"), second, parts);
	const of = ({ images, rights }: typeof first) =>
		[...images].map(
			([
				key,
				{
					version,
					limits: { memoryPages },
				},
			]) => [version, memoryPages, rights.get(key)?.secrets, rights.get(key)?.limits.memoryPages],
		);
	expect([of(first), of(second), of(third)]).toEqual([
		[["1.0.0", 256, { token: "old" }, 256]],
		[["1.0.0", 16, { token: "new" }, 16]],
		[["1.0.0", 16, { token: "newer" }, 16]],
	]);
	expect([...third.images.keys()]).toEqual([...second.images.keys()]);
	expect([...second.images.keys()]).not.toEqual([...first.images.keys()]);
	const digest = first.table.plugins["p"]?.digest;
	expect(asked.filter((request) => request.digest === digest).map(({ memoryPages }) => memoryPages)).toEqual([256, 16]);
});
