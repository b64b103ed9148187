// A plugin that keeps things, without the plugin: straight to the host functions that answer it, in a runtime of its own.
import {
	createFileFunctions,
	createOnceFunction,
	createStateFunctions,
	HostCallError,
	type PluginRights,
	PluginStore,
	type StorePace,
} from "@hookbus/runtime";
import { DEFAULT_LIMITS, type EffectiveLimits } from "@hookbus/schemas";
import type { NatsConnection } from "nats";
import { pino } from "pino";
import { closeAfter } from "./close-after.js";
import { connectTo } from "./connect.js";

/** What host functions have in common, whatever they are asked. */
export interface Asked<Request, Prepared, Answer> {
	prepare(request: Request, rights: PluginRights): Prepared;
	run(prepared: Prepared, rights: PluginRights, context: { readonly signal: AbortSignal }): Promise<Answer>;
}

export function rightsOf(
	tenant: string,
	plugin: string,
	limits: Partial<EffectiveLimits> = {},
	permissions: PluginRights["permissions"] = new Set(["state", "write_files", "publish"]),
): PluginRights {
	return { tenant, plugin, permissions, network: [], secrets: {}, limits: { ...DEFAULT_LIMITS, ...limits } };
}

/** Asks as the desk does. The default signal ends the test rather than the call. */
export async function ask<Request, Prepared, Answer>(
	asked: Asked<Request, Prepared, Answer>,
	request: Request,
	rights: PluginRights,
	signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<Answer> {
	return await asked.run(asked.prepare(request, rights), rights, { signal });
}

/** What a call was refused with. @throws Error when it was not */
export async function refusal(call: Promise<unknown>): Promise<Pick<HostCallError, "outcome" | "message">> {
	const ended = await call.catch((thrown: unknown) => thrown);
	if (ended instanceof HostCallError) return { outcome: ended.outcome, message: ended.message };
	throw new Error("the call was not refused", { cause: ended });
}

/** One runtime's stores and functions. */
export interface KeepingRuntime {
	readonly connection: NatsConnection;
	readonly stop: () => void;
	/** State and files. */
	readonly stores: readonly [PluginStore, PluginStore];
	/** A plugin in it; runtimes that are given the same rights have the same plugin. */
	plugin(rights: PluginRights): KeepingPlugin;
}

export type KeepingPlugin = ReturnType<typeof keepingPlugin>;

export interface KeepingOptions {
	readonly pace?: StorePace;
	/** Milliseconds since 1970. */
	readonly clock?: () => number;
	readonly maxLedgers?: number;
	readonly tenantBytes?: number;
}

/** @param bus URL of the server, or a connection to use */
export async function keepingRuntime(bus: string | NatsConnection, options: KeepingOptions = {}): Promise<KeepingRuntime> {
	const connection = typeof bus === "string" ? await connectTo(bus) : bus;
	const parts = { connection, logger: pino({ level: "silent" }), ...options };
	const stores = [
		await PluginStore.open({ kind: "state", ...parts }),
		await PluginStore.open({ kind: "files", ...parts }),
	] as const;
	const [state, files] = stores;
	const functions = { ...createStateFunctions(state), ...createOnceFunction(state), ...createFileFunctions(files) };
	const stop = () => {
		for (const store of stores) store.stop();
	};
	closeAfter(stop);
	return { connection, stop, stores, plugin: (rights) => keepingPlugin(functions, rights) };
}

type Functions = ReturnType<typeof createStateFunctions> &
	ReturnType<typeof createOnceFunction> &
	ReturnType<typeof createFileFunctions>;

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

function keepingPlugin(functions: Functions, rights: PluginRights) {
	return {
		rights,
		functions,
		get: async (key: string, signal?: AbortSignal) =>
			text((await ask(functions.state_get, { type: "state_get", key }, rights, signal)).value),
		set: async (key: string, value: string | Uint8Array, ttlMs = 0, signal?: AbortSignal) =>
			(await ask(functions.state_set, { type: "state_set", key, value: Buffer.from(value), ttlMs }, rights, signal)).kept,
		delete: async (key: string, signal?: AbortSignal) => {
			await ask(functions.state_delete, { type: "state_delete", key }, rights, signal);
		},
		increment: async (key: string, delta: bigint | number = 1, ttlMs = 0, signal?: AbortSignal) =>
			(await ask(functions.state_increment, { type: "state_increment", key, delta: BigInt(delta), ttlMs }, rights, signal)).sum,
		once: async (key: string, ttlMs = 60_000, signal?: AbortSignal) =>
			(await ask(functions.once, { type: "once", key, ttlMs }, rights, signal)).isFirst,
		readFile: async (path: string, signal?: AbortSignal) =>
			text((await ask(functions.file_read, { type: "file_read", path }, rights, signal)).content),
		writeFile: async (path: string, content: string | Uint8Array, signal?: AbortSignal) =>
			(await ask(functions.file_write, { type: "file_write", path, content: Buffer.from(content) }, rights, signal)).kept,
		deleteFile: async (path: string, signal?: AbortSignal) => {
			await ask(functions.file_delete, { type: "file_delete", path }, rights, signal);
		},
		listFiles: async (prefix = "", signal?: AbortSignal) =>
			(await ask(functions.file_list, { type: "file_list", prefix }, rights, signal)).paths,
	};
}
