// Values that a plugin keeps from one call to the next, by key, the same on every runtime.
import type { HostCallType, RequestOf } from "../host-call.js";
import type { HostFunction } from "../host-function.js";
import { checkName } from "../store/kept-name.js";
import { checkSize, checkTtl, expiryAfter } from "../store/kept-value.js";
import type { PluginStore } from "../store/plugin-store.js";
import { createIncrement } from "./increment.js";
import { stateName } from "./state-name.js";

const CALLS_PER_INVOCATION = 64;
const MAX_VALUE_BYTES = 64 * 1024;

/** Every request is what it is; preparing it finds out whether it is valid. */
type StateFunction<Type extends HostCallType> = HostFunction<Type, RequestOf<Type>>;

export interface StateFunctions {
	readonly state_get: StateFunction<"state_get">;
	readonly state_set: StateFunction<"state_set">;
	readonly state_delete: StateFunction<"state_delete">;
	readonly state_increment: StateFunction<"state_increment">;
}

export function createStateFunctions(store: PluginStore): StateFunctions {
	return {
		state_get: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkName("state_get: the key", request.key);
				return request;
			},
			async run({ key }, rights, { signal }) {
				const { value } = await store.read(rights, stateName(key), signal);
				return { value };
			},
		},
		state_set: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkName("state_set: the key", request.key);
				checkSize("state_set: the value", request.value, MAX_VALUE_BYTES);
				checkTtl("state_set: the time to keep the value", request.ttlMs);
				return request;
			},
			async run({ key, value, ttlMs }, rights, { signal }) {
				const expiresAt = expiryAfter(store.now(), ttlMs);
				const write = { value, expiresAt, limitBytes: rights.limits.stateBytes };
				return { kept: (await store.write(rights, stateName(key), write, signal)) === "kept" };
			},
		},
		state_delete: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkName("state_delete: the key", request.key);
				return request;
			},
			async run({ key }, rights, { signal }) {
				await store.remove(rights, stateName(key), rights.limits.stateBytes, signal);
				return {};
			},
		},
		state_increment: {
			callsPerInvocation: CALLS_PER_INVOCATION,
			prepare(request) {
				checkName("state_increment: the key", request.key);
				checkTtl("state_increment: the time to keep the sum", request.ttlMs);
				return request;
			},
			run: createIncrement(store),
		},
	};
}
