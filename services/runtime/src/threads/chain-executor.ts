// Who runs chains. The rest of the runtime cannot tell whether plugins run in a pool of threads (production) or in its own
// thread (tests, debugging); one behaviour suite runs over both.
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { HookCall } from "./hook-call.js";
import type { LoadFault, ThreadChain } from "./thread-messages.js";

export interface ChainExecutor {
	/** Tries a plugin out, away from the traffic: makes an instance and runs its `initialize`. Returns what is wrong with it. */
	probe(image: PluginImage): Promise<LoadFault | undefined>;
	/** Runs a plugin's `health` or `shutdown`, away from the traffic. Returns what is wrong; never rejects. */
	callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault | undefined>;
	/** Takes plugins and chains into service, and resolves when every thread can run them. */
	install(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<void>;
	/** Forgets chains and plugins that no event runs on any more. */
	remove(chains: readonly number[], images: readonly string[]): void;
	/** Runs a call; its `finish` is called exactly once. False: there is no room, and nothing was begun. */
	run(call: HookCall): boolean;
	/** Calls that are waiting or running. */
	readonly inFlight: number;
	readonly threads: number;
	/** Ends everything. Calls that are still running are not finished. */
	stop(): Promise<void>;
}
