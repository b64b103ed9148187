// Host functions for replays: a plugin finds what it would find, and nothing that it does happens. Permissions, limits and the checks of
// every request are those of live events; only what a call does is replaced:
//
//   state_get, file_read, file_list        read what the plugin keeps now
//   state_set, state_delete, file_write, file_delete, publish   answered as done
//   state_increment                        answered with the sum that would be kept
//   once                                   answered as the first
//   http_request                           answered as if nobody listened (status 0): what a server would say, nobody knows
//
// So a value that was set is not found again by state_get in the same invocation.
import { invalid } from "../host-calls/host-call-errors.js";
import type { HostFunctions } from "../host-calls/host-function.js";

const NOT_SENT = { status: 0, headers: {}, body: new Uint8Array(), reason: "requests are not sent in a replay" } as const;

/** @param live functions of live events */
export function dryRunFunctions(live: HostFunctions): HostFunctions {
	return {
		...live,
		http_request: { ...live.http_request, run: async () => NOT_SENT },
		state_set: { ...live.state_set, run: async () => ({ kept: true }) },
		state_delete: { ...live.state_delete, run: async () => ({}) },
		state_increment: {
			...live.state_increment,
			async run(prepared, rights, context) {
				const { key, delta } = prepared as { readonly key: string; readonly delta: bigint };
				const asked = live.state_get.prepare({ type: "state_get", key }, rights);
				const { value } = await live.state_get.run(asked, rights, context);
				const text = value === undefined ? "0" : Buffer.from(value).toString();
				if (!/^-?\d{1,19}$/.test(text))
					throw invalid("state_increment: what is kept under the key is no whole number of 64 bits");
				return { sum: BigInt.asIntN(64, BigInt(text) + delta) };
			},
		},
		once: { ...live.once, run: async () => ({ isFirst: true }) },
		file_write: { ...live.file_write, run: async () => ({ kept: true }) },
		file_delete: { ...live.file_delete, run: async () => ({}) },
		publish: { ...live.publish, run: async () => ({}) },
	};
}
