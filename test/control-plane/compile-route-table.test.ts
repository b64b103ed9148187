// The rules by which bindings become chains, as rows of input and output.

import { compileRouteTable, derivePolicy, explain, type RoutingBinding, type RoutingInput } from "@hookbus/control-plane";
import { protectedHeader } from "@hookbus/foundation";
import {
	DEFAULT_LIMITS,
	type HookEntry,
	type HookName,
	isHookPolicy,
	isRouteTable,
	type RouteStep,
	type RouteTable,
} from "@hookbus/schemas";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binding, plugin } from "./routing-input.js";

const HEAD = { tenant: "default", revision: 7, compiledAt: "2026-01-01T00:00:00.000Z" };

function compile(input: RoutingInput): RouteTable {
	const table = compileRouteTable(HEAD, input);
	expect(isRouteTable(table)).toBe(true);
	expect(isHookPolicy(derivePolicy(table))).toBe(true);
	return table;
}

/** Plugin keys of a chain in order; `undefined` when there is none. */
function chain(table: RouteTable, hook: HookName, assistant?: string): string[] | undefined {
	const routes = table.hooks[hook];
	const own =
		assistant !== undefined && routes !== undefined && Object.hasOwn(routes.assistants, assistant)
			? routes.assistants[assistant]
			: undefined;
	return (own ?? routes?.all)?.map((step) => step.plugin);
}

function onlyStep(table: RouteTable, hook: HookName): RouteStep {
	const [step] = table.hooks[hook]?.all ?? [];
	if (step === undefined) throw new Error(`no step at ${hook}`);
	return step;
}

describe("who runs", () => {
	const runs: { title: string; plugin?: Parameters<typeof plugin>[0]; bindings: RoutingBinding[]; all: string[] | undefined }[] =
		[
			{ title: "an enabled plugin with a tenant binding runs", bindings: [binding("a")], all: ["a"] },
			{
				title: "a disabled plugin does not run",
				plugin: { name: "a", enabled: false },
				bindings: [binding("a")],
				all: undefined,
			},
			{ title: "a plugin without a binding does not run", bindings: [], all: undefined },
			{
				title: "a binding that is switched off leaves the plugin out",
				bindings: [binding("a", { enabled: false })],
				all: undefined,
			},
			{ title: "a binding with mode off leaves the plugin out", bindings: [binding("a", { mode: "off" })], all: undefined },
			{
				title: "a plugin whose permission is not granted does not run",
				plugin: { name: "a", manifest: { permissions: ["read_messages"] } },
				bindings: [binding("a")],
				all: undefined,
			},
			{
				title: "a plugin whose permissions are all granted runs",
				plugin: { name: "a", manifest: { permissions: ["read_messages"] }, grants: ["read_messages"] },
				bindings: [binding("a")],
				all: ["a"],
			},
		];
	test.each(runs)("$title", ({ plugin: given, bindings, all }) => {
		expect(chain(compile({ plugins: [plugin(given ?? { name: "a" })], bindings }), "on_chat_message")).toEqual(all);
	});

	test("a plugin that does not run is not in the table", () => {
		expect(compile({ plugins: [plugin({ name: "a", enabled: false })], bindings: [binding("a")] }).plugins).toEqual({});
	});

	test("a shadow binding keeps its step and its mode", () => {
		const table = compile({ plugins: [plugin({ name: "a" })], bindings: [binding("a", { mode: "shadow" })] });
		expect(onlyStep(table, "on_chat_message").mode).toBe("shadow");
	});
});

describe("scopes", () => {
	const plugins = [plugin({ name: "a" }), plugin({ name: "b" })];

	test("an assistant without bindings has the tenant's chain and is not listed", () => {
		const table = compile({ plugins, bindings: [binding("a")] });
		expect(table.hooks.on_chat_message?.assistants).toEqual({});
	});

	test("an assistant's binding adds a plugin for this assistant only", () => {
		const table = compile({ plugins, bindings: [binding("a"), binding("b", { assistant: "bot" })] });
		expect(chain(table, "on_chat_message")).toEqual(["a"]);
		expect(chain(table, "on_chat_message", "bot")).toEqual(["a", "b"]);
	});

	test("an assistant's binding switches the tenant's off", () => {
		const table = compile({ plugins, bindings: [binding("a"), binding("a", { assistant: "bot", enabled: false })] });
		expect(chain(table, "on_chat_message")).toEqual(["a"]);
		expect(table.hooks.on_chat_message?.assistants).toEqual({ bot: [] });
	});

	test("an assistant's binding switches on what the tenant's switched off", () => {
		const table = compile({ plugins, bindings: [binding("a", { enabled: false }), binding("a", { assistant: "bot" })] });
		expect(table.hooks.on_chat_message?.all).toBeUndefined();
		expect(chain(table, "on_chat_message", "bot")).toEqual(["a"]);
	});

	test("an assistant inherits what its binding does not set", () => {
		const table = compile({
			plugins,
			bindings: [
				binding("a", { order: 5, mode: "shadow", onError: "closed", timeoutMs: 77 }),
				binding("a", { assistant: "bot", timeoutMs: 99 }),
			],
		});
		expect(table.hooks.on_chat_message?.assistants["bot"]).toMatchObject([
			{ order: 5, mode: "shadow", onError: "closed", timeoutMs: 99 },
		]);
	});

	test("an assistant whose binding changes nothing is not listed", () => {
		const table = compile({ plugins, bindings: [binding("a"), binding("a", { assistant: "bot" })] });
		expect(table.hooks.on_chat_message?.assistants).toEqual({});
	});

	const weakened: Partial<RoutingBinding>[] = [
		{ enabled: false },
		{ mode: "off" },
		{ mode: "shadow" },
		{ onError: "open" },
		{ order: 1 },
		{ timeoutMs: 1 },
		{ config: { strict: false } },
	];
	test.each(weakened)("a mandatory binding is not weakened by an assistant's %j", (values) => {
		const gate: HookEntry = { hook: "on_chat_message", effect: "gate" };
		const mandatory = binding("a", { mandatory: true });
		const without = compile({ plugins: [plugin({ name: "a", hooks: [gate] })], bindings: [mandatory] });
		const withOwn = compile({
			plugins: [plugin({ name: "a", hooks: [gate] })],
			bindings: [mandatory, binding("a", { assistant: "bot", ...values })],
		});
		expect(withOwn).toEqual(without);
	});

	test("an assistant may be called __proto__", () => {
		const table = compile({ plugins, bindings: [binding("a", { assistant: "__proto__" })] });
		expect(Object.keys(table.hooks.on_chat_message?.assistants ?? {})).toEqual(["__proto__"]);
		expect(Object.keys(derivePolicy(table).hooks.on_chat_message?.assistants ?? {})).toEqual(["__proto__"]);
	});
});

describe("order", () => {
	const hooksWith = (order?: number): HookEntry[] => [
		{ hook: "on_chat_message", effect: "transform", paths: ["/messages"], ...(order === undefined ? {} : { order }) },
		{ hook: "on_before_response", effect: "transform", paths: ["/response"], ...(order === undefined ? {} : { order }) },
	];

	test("ascending by the manifest's number, 100 without one, ties by name", () => {
		const plugins = [
			plugin({ name: "late", hooks: hooksWith(200) }),
			plugin({ name: "b", hooks: hooksWith() }),
			plugin({ name: "a", hooks: hooksWith() }),
			plugin({ name: "early", hooks: hooksWith(-5) }),
		];
		const table = compile({ plugins, bindings: plugins.map(({ name }) => binding(name)) });
		expect(chain(table, "on_chat_message")).toEqual(["early", "a", "b", "late"]);
	});

	test("response hooks run in exactly the reverse order, ties too", () => {
		const plugins = [
			plugin({ name: "a", hooks: hooksWith() }),
			plugin({ name: "b", hooks: hooksWith() }),
			plugin({ name: "c", hooks: hooksWith(10) }),
		];
		const table = compile({ plugins, bindings: plugins.map(({ name }) => binding(name)) });
		expect(chain(table, "on_chat_message")).toEqual(["c", "a", "b"]);
		expect(chain(table, "on_before_response")).toEqual(["b", "a", "c"]);
		expect(table.hooks.on_before_response?.all?.map(({ order }) => order)).toEqual([-100, -100, -10]);
	});

	test("a binding's own number wins over the manifest's", () => {
		const plugins = [plugin({ name: "a", hooks: hooksWith(1) }), plugin({ name: "b", hooks: hooksWith(2) })];
		const table = compile({ plugins, bindings: [binding("a", { order: 50 }), binding("b")] });
		expect(chain(table, "on_chat_message")).toEqual(["b", "a"]);
	});

	test("own numbers count as they stand on response hooks too", () => {
		const plugins = [plugin({ name: "a" }), plugin({ name: "b" }), plugin({ name: "c" })];
		const table = compile({ plugins, bindings: [binding("a", { order: 10 }), binding("b", { order: 20 }), binding("c")] });
		expect(chain(table, "on_chat_message")).toEqual(["a", "b", "c"]);
		expect(chain(table, "on_before_response")).toEqual(["c", "a", "b"]);
	});

	test("an own number below the mirrored ones runs first on a response hook", () => {
		const plugins = [plugin({ name: "a" }), plugin({ name: "b" })];
		const table = compile({ plugins, bindings: [binding("a"), binding("b", { order: -1_000 })] });
		expect(chain(table, "on_before_response")).toEqual(["b", "a"]);
	});

	test("an order of 0 stays 0 on a response hook", () => {
		const table = compile({ plugins: [plugin({ name: "a", hooks: hooksWith(0) })], bindings: [binding("a")] });
		expect(Object.is(onlyStep(table, "on_before_response").order, 0)).toBe(true);
	});

	test("without own numbers response hooks are the reverse of the others, whatever the numbers", () => {
		const numbers = fc.array(fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }), { minLength: 1, maxLength: 8 });
		fc.assert(
			fc.property(numbers, (orders) => {
				const plugins = orders.map((order, index) => plugin({ name: `p${index}`, hooks: hooksWith(order) }));
				const table = compileRouteTable(HEAD, { plugins, bindings: plugins.map(({ name }) => binding(name)) });
				expect(chain(table, "on_before_response")).toEqual([...(chain(table, "on_chat_message") ?? [])].reverse());
			}),
			{ numRuns: 200 },
		);
	});

	test("the order does not depend on the order of the rows", () => {
		const rows = fc.uniqueArray(
			fc.record({ name: fc.constantFrom("a", "b", "c", "d", "e"), own: fc.option(fc.integer({ min: -101, max: 101 })) }),
			{
				selector: ({ name }) => name,
				minLength: 2,
			},
		);
		fc.assert(
			fc.property(rows, (given) => {
				const tableOf = (list: typeof given) =>
					compileRouteTable(HEAD, {
						plugins: list.map(({ name }) => plugin({ name })),
						bindings: list.map(({ name, own }) => binding(name, { order: own })),
					});
				expect(tableOf([...given].reverse())).toEqual(tableOf(given));
			}),
			{ numRuns: 200 },
		);
	});
});

describe("failure policy, time limit, phases", () => {
	const effects: { effect: HookEntry["effect"]; hook: HookName; policy: string }[] = [
		{ effect: "observe", hook: "on_after_response", policy: "open" },
		{ effect: "transform", hook: "on_chat_message", policy: "open" },
		{ effect: "gate", hook: "on_chat_message", policy: "closed" },
		{ effect: "claim", hook: "on_chat_message", policy: "open" },
	];
	test.each(effects)("effect $effect fails $policy when its binding says nothing", ({ effect, hook, policy }) => {
		const entry: HookEntry = { hook, effect, ...(effect === "transform" ? { paths: ["/messages"] } : {}) };
		const table = compile({ plugins: [plugin({ name: "a", hooks: [entry] })], bindings: [binding("a")] });
		expect(onlyStep(table, hook).onError).toBe(policy);
	});

	test("a binding's failure policy wins, but an observer always fails open", () => {
		const hooks: HookEntry[] = [
			{ hook: "on_chat_message", effect: "gate" },
			{ hook: "on_after_response", effect: "observe" },
		];
		const open = compile({ plugins: [plugin({ name: "a", hooks })], bindings: [binding("a", { onError: "open" })] });
		expect(onlyStep(open, "on_chat_message").onError).toBe("open");
		const closed = compile({ plugins: [plugin({ name: "a", hooks })], bindings: [binding("a", { onError: "closed" })] });
		expect(onlyStep(closed, "on_after_response").onError).toBe("open");
	});

	const limits: { title: string; manifest?: number; admin?: number; own?: number; expected: number }[] = [
		{ title: "250 ms without any limit", expected: 250 },
		{ title: "the manifest's limit", manifest: 40, expected: 40 },
		{ title: "an admin's limit before the manifest's", manifest: 40, admin: 90, expected: 90 },
		{ title: "the binding's limit before all others", manifest: 40, admin: 90, own: 900, expected: 900 },
	];
	test.each(limits)("a step gets $title", ({ manifest, admin, own, expected }) => {
		const given = plugin({
			name: "a",
			manifest: manifest === undefined ? {} : { limits: { timeoutMs: manifest } },
			limits: admin === undefined ? null : { timeoutMs: admin },
		});
		const table = compile({ plugins: [given], bindings: [binding("a", { timeoutMs: own ?? null })] });
		expect(onlyStep(table, "on_chat_message").timeoutMs).toBe(expected);
		expect(table.plugins["a"]?.limits).toEqual({ ...DEFAULT_LIMITS, timeoutMs: admin ?? manifest ?? 250 });
	});

	const phases: { entry: HookEntry; expected: string[] | undefined }[] = [
		{ entry: { hook: "on_tool_call", effect: "gate" }, expected: ["request", "result"] },
		{ entry: { hook: "on_tool_call", effect: "claim" }, expected: ["request"] },
		{ entry: { hook: "on_tool_call", effect: "gate", phases: ["result"] }, expected: ["result"] },
		{ entry: { hook: "on_chat_message", effect: "gate" }, expected: undefined },
	];
	test.each(phases)("$entry.effect on $entry.hook with phases $entry.phases runs in $expected", ({ entry, expected }) => {
		const table = compile({ plugins: [plugin({ name: "a", hooks: [entry] })], bindings: [binding("a")] });
		expect(onlyStep(table, entry.hook).phases).toEqual(expected);
	});
});

describe("configuration", () => {
	const config = {
		type: "object",
		properties: {
			depth: { type: "integer", default: 1 },
			level: { type: "string", default: "schema" },
			nested: { type: "object" },
		},
	};
	const configured = (set: Record<string, unknown>) =>
		plugin({ name: "a", manifest: { config, defaults: { level: "manifest", nested: { a: 1, b: [1] } } }, config: set });

	test("schema defaults, then the manifest's, then the global one, then the binding's", () => {
		const table = compile({ plugins: [configured({ nested: { b: [2] } })], bindings: [binding("a", { config: { depth: 3 } })] });
		expect(Object.values(table.plugins)).toMatchObject([{ config: { depth: 3, level: "manifest", nested: { a: 1, b: [2] } } }]);
	});

	test("a different configuration is an entry of its own under name#hash", () => {
		const table = compile({
			plugins: [configured({})],
			bindings: [
				binding("a"),
				binding("a", { assistant: "one", config: { depth: 9 } }),
				binding("a", { assistant: "two", config: { depth: 9 } }),
			],
		});
		const keys = Object.keys(table.plugins);
		expect(keys).toHaveLength(2);
		expect(keys[0]).toBe("a");
		expect(keys[1]).toMatch(/^a#[0-9a-f]{12}$/);
		expect(chain(table, "on_chat_message", "one")).toEqual([keys[1]]);
		expect(chain(table, "on_chat_message", "two")).toEqual([keys[1]]);
		expect(table.plugins["a"]?.configRevision).not.toBe(table.plugins[keys[1] as string]?.configRevision);
	});

	test("an override that changes nothing uses the same entry", () => {
		const table = compile({
			plugins: [configured({})],
			bindings: [binding("a"), binding("a", { assistant: "one", config: { depth: 1 } })],
		});
		expect(Object.keys(table.plugins)).toEqual(["a"]);
	});

	const changes: { what: string; change: Partial<Parameters<typeof plugin>[0]> }[] = [
		{ what: "config", change: { config: { depth: 2 } } },
		{ what: "a sealed secret", change: { secrets: { key: { jwe: { tag: "other" } } } } },
		{ what: "grants", change: { grants: ["read_messages", "read_secrets"] } },
		{ what: "limits", change: { manifest: { permissions: ["read_messages", "read_secrets"], limits: { memoryPages: 8 } } } },
	];
	test.each(changes)("configRevision changes with $what", ({ change }) => {
		const base = {
			name: "a",
			grants: ["read_messages" as const],
			secrets: { key: { jwe: { tag: "one" } } },
			manifest: { permissions: ["read_messages" as const, "read_secrets" as const] },
		};
		const revision = (given: Parameters<typeof plugin>[0]) => {
			// Compiled through the public door: the second permission is granted by the test's own plugin.
			const everything = {
				...given,
				grants: given.grants ?? [],
				manifest: { ...given.manifest, permissions: [...(given.grants ?? [])] },
			};
			return compile({ plugins: [plugin(everything)], bindings: [binding("a")] }).plugins["a"]?.configRevision;
		};
		expect(revision({ ...base, ...change })).not.toBe(revision(base));
	});

	test("a secret that was sealed anew leaves configRevision as it is, and brings its key and no other", () => {
		const sealed = (keyId: string, tag: string) => ({ jwe: { protected: protectedHeader(keyId), tag }, valueId: "first" });
		const wrapped = { jwe: { tag: "wrapped" } };
		const dataKeys = { before: wrapped, now: wrapped, unused: wrapped };
		const tables = [sealed("before", "1"), sealed("now", "2")].map((key) =>
			compile({ plugins: [plugin({ name: "a", secrets: { key } })], bindings: [binding("a")], dataKeys }),
		);
		expect(tables.map((table) => Object.keys(table.dataKeys ?? {}))).toEqual([["before"], ["now"]]);
		const [before, now] = tables.map((table) => table.plugins["a"]);
		expect(now?.configRevision).toBe(before?.configRevision);
		expect(now?.secrets).not.toEqual(before?.secrets);
		expect(compile({ plugins: [plugin({ name: "a" })], bindings: [binding("a")], dataKeys })).not.toHaveProperty("dataKeys");
	});

	test("configRevision does not depend on the order of properties", () => {
		const revision = (set: Record<string, unknown>) =>
			compile({ plugins: [configured(set)], bindings: [binding("a")] }).plugins["a"]?.configRevision;
		expect(revision({ depth: 2, level: "x" })).toBe(revision({ level: "x", depth: 2 }));
	});

	test("a granted permission that the manifest does not ask for is not given", () => {
		const table = compile({ plugins: [plugin({ name: "a", grants: ["read_secrets"] })], bindings: [binding("a")] });
		expect(table.plugins["a"]?.grants).toEqual([]);
	});

	const asked = [{ host: "a.example.com" }, { host: "b.example.com" }];
	const networks: { title: string; granted: { host: string }[]; all: string[] | undefined }[] = [
		{ title: "with every network rule granted a plugin runs with them", granted: asked, all: ["a"] },
		{ title: "a granted rule that is not asked for does not count", granted: [...asked, { host: "c.example.com" }], all: ["a"] },
		{ title: "with one network rule not granted a plugin does not run", granted: asked.slice(1), all: undefined },
	];
	test.each(networks)("$title", ({ granted, all }) => {
		const given = plugin({
			name: "a",
			grants: ["network_access"],
			network: granted,
			manifest: { permissions: ["network_access"], network: asked },
		});
		const table = compile({ plugins: [given], bindings: [binding("a")] });
		expect(chain(table, "on_chat_message")).toEqual(all);
		expect(table.plugins["a"]?.network).toEqual(all === undefined ? undefined : asked);
	});
});

describe("policy for clients", () => {
	const gate: HookEntry[] = [{ hook: "on_chat_message", effect: "gate" }];

	test("closed with an enforced step that fails closed, open without, absent without a chain", () => {
		const table = compile({
			plugins: [plugin({ name: "guard", hooks: gate }), plugin({ name: "writer" })],
			bindings: [binding("guard"), binding("writer")],
		});
		expect(derivePolicy(table).hooks).toEqual({
			on_chat_message: { all: "closed", assistants: {} },
			on_before_response: { all: "open", assistants: {} },
		});
	});

	const open: Partial<RoutingBinding>[] = [{ mode: "shadow" }, { onError: "open" }];
	test.each(open)("a gate with %j leaves the policy open", (values) => {
		const table = compile({ plugins: [plugin({ name: "guard", hooks: gate })], bindings: [binding("guard", values)] });
		expect(derivePolicy(table).hooks.on_chat_message).toEqual({ all: "open", assistants: {} });
	});

	test("an assistant that switched the gate off is open, not closed like the others", () => {
		const table = compile({
			plugins: [plugin({ name: "guard", hooks: gate })],
			bindings: [binding("guard"), binding("guard", { assistant: "bot", enabled: false })],
		});
		expect(derivePolicy(table).hooks.on_chat_message).toEqual({ all: "closed", assistants: { bot: "open" } });
	});

	test("the policy carries the table's tenant and revision", () => {
		expect(derivePolicy(compile({ plugins: [], bindings: [] }))).toEqual({
			spec: "1",
			tenant: "default",
			revision: 7,
			hooks: {},
		});
	});
});

describe("explain", () => {
	test("names the chain in order with the reason for each plugin, and what is left out and why", () => {
		const input: RoutingInput = {
			plugins: [
				plugin({ name: "early", hooks: [{ hook: "on_before_response", effect: "gate", order: 5 }] }),
				plugin({ name: "own", hooks: [{ hook: "on_before_response", effect: "gate" }] }),
				plugin({ name: "asleep", enabled: false }),
				plugin({ name: "unbound" }),
				plugin({ name: "quiet" }),
				plugin({ name: "greedy", manifest: { permissions: ["read_messages"] } }),
				plugin({ name: "absent" }),
			],
			bindings: [
				binding("early", { mandatory: true }),
				binding("early", { assistant: "bot", enabled: false }),
				binding("own", { assistant: "bot", order: 3 }),
				binding("asleep"),
				binding("quiet", { mode: "off" }),
				binding("greedy"),
				binding("absent"),
				binding("absent", { assistant: "bot", enabled: false }),
			],
		};
		const explained = explain(input, 12, "bot");
		expect(explained).toMatchObject({ assistant: "bot", revision: 12 });
		expect(explained.hooks.on_before_response.chain).toMatchObject([
			{
				plugin: "early",
				order: -5,
				scope: "tenant",
				mandatory: true,
				reason:
					"bound by the tenant as mandatory, the assistant's own binding does not count; the manifest's order 5, mirrored to -5 on a response hook",
			},
			{ plugin: "own", order: 3, scope: "assistant", reason: "bound by the assistant; order 3 is the binding's own" },
		]);
		expect(explained.hooks.on_before_response.leftOut.map(({ plugin: name, code }) => [name, code])).toEqual([
			["absent", "binding_disabled"],
			["asleep", "plugin_disabled"],
			["greedy", "grants_missing"],
			["quiet", "mode_off"],
			["unbound", "not_bound"],
		]);
	});

	test("shows the same chains as the route table", () => {
		const input: RoutingInput = {
			plugins: [plugin({ name: "a" }), plugin({ name: "b" })],
			bindings: [binding("a"), binding("b"), binding("b", { assistant: "bot", order: 1 })],
		};
		const table = compile(input);
		for (const assistant of [null, "bot"]) {
			const shown = explain(input, 7, assistant).hooks.on_chat_message.chain.map(({ plugin: name }) => name);
			expect(shown).toEqual(chain(table, "on_chat_message", assistant ?? undefined));
		}
	});
});
