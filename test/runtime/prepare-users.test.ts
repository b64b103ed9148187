// Making the images of users, with an executor and modules that do what the test says: what is tried, when again, and with which
// secrets something goes on. With real plugins it is in user-configs.test.ts.
import { createMasterKeys } from "@hookbus/foundation";
import type { PluginImage } from "@hookbus/runtime";
import { isRouteTable, type RouteTable } from "@hookbus/schemas";
import pino from "pino";
import { afterEach, expect, test, vi } from "vitest";
import type { LinkedModules } from "../../services/runtime/src/plugin-host/linked-modules.js";
import type { ModuleStore } from "../../services/runtime/src/routing/module-store.js";
import { type PreparedTable, type PrepareParts, prepareTable } from "../../services/runtime/src/routing/prepare-table.js";
import { buildTable, TEST_MASTER_KEY, type TestPlugin } from "../support/route-tables.js";
import { makeTenantBox } from "../support/tenant-box.js";

const HOOK = "on_chat_message" as const;
const USERS_MS = 1_000;

afterEach(() => void vi.useRealTimers());

/** Prepares one table after the other; `tried` are the configurations that were tried out. */
function preparing() {
	const tried: string[] = [];
	let chains = 0;
	const answers = { probe: (_: PluginImage): string | undefined => undefined, hasModule: (_digest: string) => true };
	const parts: PrepareParts = {
		modules: {
			get: async ({ digest }: { digest: string }) => {
				if (!answers.hasModule(digest)) throw new Error("not now");
				return {} as LinkedModules;
			},
		} as unknown as ModuleStore,
		masterKeys: createMasterKeys(TEST_MASTER_KEY),
		executor: {
			inFlight: 0,
			threads: 0,
			callOwn: async () => undefined,
			probe: async (image: PluginImage) => {
				tried.push(image.config["colour"] ?? "none");
				const code = answers.probe(image);
				return code === undefined ? undefined : { image: image.key, code, message: "not today" };
			},
			install: async () => {},
			remove() {},
			run: () => true,
			stop: async () => {},
		},
		ceiling: new Set(["network_access"]),
		userConfigsMs: USERS_MS,
		nextChainId: () => {
			chains += 1;
			return chains;
		},
		logger: pino({ level: "silent" }),
	};
	let previous: PreparedTable | undefined;
	let revision = 0;
	const prepare = async (plugin: Partial<TestPlugin>, change: (table: RouteTable) => Promise<void> = async () => {}) => {
		revision += 1;
		tried.length = 0;
		const bindings = [{ hook: HOOK, effect: "gate" as const }];
		const base = {
			name: "p",
			module: Buffer.from("module 1"),
			config: { colour: "red" },
			grants: ["network_access" as const],
			bindings,
		};
		const table = buildTable("acme", revision, [{ ...base, ...plugin }]);
		await change(table);
		expect(isRouteTable(table)).toBe(true);
		previous = await prepareTable(table, previous, parts);
		return previous;
	};
	return { prepare, tried, answers };
}

const users = (...colours: string[]) => Object.fromEntries(colours.map((colour) => [`of-${colour}`, { config: { colour } }]));

test("what was tried is not tried again with the next table, whether it worked or not; users with the same share one image", async () => {
	const { prepare, tried, answers } = preparing();
	answers.probe = ({ config }) => (config["colour"] === "bad" ? "guest_error" : undefined);
	const same = { ...users("blue", "bad"), another: { config: { colour: "blue" } } };
	const first = await prepare({ users: same });
	expect(tried).toEqual(["red", "blue", "bad"]);
	expect(first.users.images.get("p")?.get("another")).toEqual(first.users.images.get("p")?.get("of-blue"));
	await prepare({ users: { ...same, ...users("green") } });
	expect(tried).toEqual(["green"]);
	// A new version is something else.
	await prepare({ users: same, module: Buffer.from("module 2") });
	expect(tried).toEqual(["red", "blue", "bad"]);
});

test("one that was too slow is tried again by a table after a minute, then two, then four: the machine may have been busy", async () => {
	vi.useFakeTimers({ toFake: ["performance"] });
	const { prepare, tried, answers } = preparing();
	answers.probe = ({ config }) => (config["colour"] === "slow" ? "timeout" : undefined);
	await prepare({ users: users("slow") });
	const minutes: number[] = [];
	for (let minute = 1; minute <= 8; minute += 1) {
		vi.advanceTimersByTime(60_001);
		await prepare({ users: users("slow") });
		if (tried.length > 0) minutes.push(minute);
	}
	expect(minutes).toEqual([1, 3, 7]);
	answers.probe = () => undefined;
	vi.advanceTimersByTime(60 * 60_000);
	const { faults, users: prepared } = await prepare({ users: users("slow") });
	expect([faults, prepared.images.get("p")?.get("of-slow")?.image]).toEqual([[], expect.any(String)]);
});

test("when the time of a table is used up the rest waits, what runs goes on, and what had failed has failed", async () => {
	vi.useFakeTimers({ toFake: ["performance"] });
	const { prepare, tried, answers } = preparing();
	await prepare({ users: users("blue") });
	answers.probe = () => void vi.advanceTimersByTime(USERS_MS * 0.6);
	const next = await prepare({ users: users("a", "b", "c", "blue") });
	expect(tried).toEqual(["a", "b"]);
	expect(next.faults).toMatchObject([{ code: "not_tried_yet", user: "of-c", running: "1.0.0" }]);
	expect((await prepare({ users: users("a", "b", "c", "blue") })).faults).toEqual([]);
	expect(tried).toEqual(["c"]);
});

test("while a module cannot be had a user goes on with the own secrets of now, and everybody else with everybody's", async () => {
	const { prepare, answers } = preparing();
	const seal = async (table: RouteTable) => {
		const place = { tenant: "acme", plugin: "p", field: "key" };
		const { box, dataKeys } = await makeTenantBox("acme", TEST_MASTER_KEY);
		table.dataKeys = dataKeys;
		Object.assign(table.plugins["p"]?.secrets ?? {}, { key: await box.seal("everybody's", place) });
		const own = table.userConfigs?.["p"]?.[0];
		Object.assign(own?.secrets ?? {}, { key: await box.seal(`ann's ${table.revision}`, { ...place, user: "ann" }) });
	};
	const ann = { ann: { secrets: { key: "sealed" } } };
	await prepare({ users: ann }, seal);
	answers.hasModule = () => false;
	const { faults, rights, users: prepared, imageOf } = await prepare({ users: ann, module: Buffer.from("module 2") }, seal);
	expect(faults).toMatchObject([{ plugin: "p", code: "load_failed", running: "1.0.0" }]);
	expect(faults).toHaveLength(1);
	const ofAnn = prepared.images.get("p")?.get("ann")?.image ?? "";
	expect(rights.get(ofAnn)?.secrets).toEqual({ key: "ann's 2" });
	expect(rights.get(imageOf.get("p")?.key ?? "")?.secrets).toEqual({ key: "everybody's" });
});

test("where the plugin fails for everybody nobody gets the image of a user", async () => {
	const { prepare, answers } = preparing();
	answers.probe = ({ config }) => (config["colour"] === "red" ? "guest_error" : undefined);
	const first = await prepare({ users: users("blue") });
	const second = await prepare({ users: users("blue", "green") });
	for (const { imageOf, users: own } of [first, second]) {
		expect(imageOf.get("p")).toBeUndefined();
		expect(own.images.get("p")?.get("of-blue")?.image).toBeDefined();
	}
});

test("where nothing ran before, a user's own runs before it was tried; when it then fails, it runs no more", async () => {
	vi.useFakeTimers({ toFake: ["performance"] });
	const { prepare, tried, answers } = preparing();
	answers.probe = ({ config }) => {
		if (config["colour"] !== "red") vi.advanceTimersByTime(USERS_MS + 1);
		return config["colour"] === "bad" ? "guest_error" : undefined;
	};
	const three = users("blue", "green", "bad");
	const first = await prepare({ users: three });
	expect(tried).toEqual(["red", "blue"]);
	expect(first.faults.map(({ code, user }) => [code, user])).toEqual([
		["not_tried_yet", "of-green"],
		["not_tried_yet", "of-bad"],
	]);
	for (const user of ["of-green", "of-bad"]) expect(first.users.images.get("p")?.get(user)?.image).toBeDefined();
	await prepare({ users: three });
	expect(tried).toEqual(["green"]);
	const third = await prepare({ users: three });
	expect(tried).toEqual(["bad"]);
	expect(third.faults).toMatchObject([{ code: "guest_error", user: "of-bad" }]);
	expect(third.users.images.get("p")?.get("of-bad")).toMatchObject({ image: undefined, loadFault: "not today" });
	expect(third.users.images.get("p")?.get("of-green")?.image).toBeDefined();
});
