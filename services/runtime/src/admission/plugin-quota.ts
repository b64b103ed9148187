// What a plugin of a tenant may take of this runtime, whichever of its versions and configurations run: events at the same time,
// invocations a minute, money a day. Events over the first limit wait in a short queue of the plugin's own; everything else that
// is over a limit is refused at once.
import type { EffectiveLimits } from "@hookbus/schemas";
import type { HookCall } from "../threads/hook-call.js";
import { TokenBucket } from "./token-bucket.js";

export interface WaitingCall {
	readonly call: HookCall;
	/** Monotonic milliseconds until which it waits. */
	readonly until: number;
}

export class PluginQuota {
	readonly tenant: string;
	readonly plugin: string;
	limits: Readonly<EffectiveLimits>;
	/** Most events at the same time that this runtime gives any plugin of its kind. */
	readonly #share: number;
	/** Events that have the plugin in their chain and wait for a thread or run. */
	inHand = 0;
	/** Events that wait until one of those is done, in the order in which they came. */
	waiting: WaitingCall[] = [];
	#bucket: TokenBucket | undefined;

	/** @param share most events at the same time, whatever its limits say */
	constructor(tenant: string, plugin: string, limits: Readonly<EffectiveLimits>, share: number) {
		this.#share = share;
		this.tenant = tenant;
		this.plugin = plugin;
		this.limits = limits;
	}

	/** Most events at the same time. */
	get most(): number {
		return Math.min(this.limits.concurrency, this.#share);
	}

	get isFull(): boolean {
		return this.inHand >= this.most;
	}

	/** A burst may wait; a flood is shed. */
	get mayWait(): boolean {
		return this.waiting.length < this.limits.concurrency;
	}

	/**
	 * Takes one invocation off the rate; false when it is used up.
	 *
	 * @param runtimes how many runtimes share the rate
	 */
	takeRate(now: number, runtimes: () => number): boolean {
		const { ratePerMinute } = this.limits;
		if (ratePerMinute === undefined) return true;
		const share = ratePerMinute / runtimes();
		this.#bucket ??= new TokenBucket(share, now);
		return this.#bucket.take(share, now);
	}

	giveBackRate(): void {
		this.#bucket?.giveBack();
	}
}
