// Decides which steps of an event's chain may run, in front of the threads: the breaker of the plugin, its rate, its budget, and how
// many events it may have at once. A step that may not run fails by its policy, with the reason in the trail; the others run. So a
// plugin that fails, floods or costs too much takes nothing from its neighbours.
//
//   run → admitted → threads → done: outcomes go to the breakers, costs to the ledger, the plugin's next waiting event is admitted
//       → a plugin has too many events → waits, a moment → admitted, or goes on without that plugin
import { TimeSlices } from "@hookbus/foundation";
import type { BreakerStatus } from "@hookbus/schemas";
import { replyBudgetMs } from "../chain/reply-budget.js";
import { leadingImage } from "../chain/user-step.js";
import type { OwnCall } from "../plugin-host/own-call.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { CallCompletion, HookCall } from "../threads/hook-call.js";
import { deadlineOf, peekEvent, settleUnrun } from "../threads/settle-in-main.js";
import type { LoadFault, StepCount, StepRefusal, ThreadChain, ThreadStep } from "../threads/thread-messages.js";
import { Breaker, type BreakerOptions } from "./breaker.js";
import type { CostLedger } from "./cost-ledger.js";
import { PluginQuota } from "./plugin-quota.js";

export interface AdmissionParts {
	readonly executor: ChainExecutor;
	readonly ledger: Pick<CostLedger, "spent" | "add">;
	readonly breaker: BreakerOptions;
	/** Milliseconds that an event waits when one of its plugins has too many; half of its deadline at most. */
	readonly waitMs: number;
	/** Most events at the same time that any plugin may have, and any that may wait for the network or the bus. */
	readonly share: { readonly quick: number; readonly waiting: number };
	/** Milliseconds between two progress frames of an event that waits. */
	readonly frameIntervalMs: number;
	/** Events that may wait like this, over all plugins. */
	readonly maxWaiting: number;
	/** How many runtimes share rates. */
	readonly runtimes: () => number;
	readonly clock: () => number;
	/** Id of this runtime. */
	readonly runtime: string;
	/** A breaker has opened, closed, or given its plugin up. */
	readonly onBreaker: (status: BreakerStatus) => void;
}

/** What stands before one step. */
interface StepGate {
	readonly step: ThreadStep;
	readonly breaker: Breaker;
	readonly quota: PluginQuota;
}

interface Guarded {
	readonly image: PluginImage;
	readonly tenant: string;
	readonly breaker: Breaker;
	readonly quota: PluginQuota;
	revision: number;
}

/** Milliseconds between two looks at those that wait. */
const LOOK_MS = 10;

export class Admission implements ChainExecutor {
	readonly #parts: AdmissionParts;
	readonly #guarded = new Map<string, Guarded>();
	readonly #quotas = new Map<string, PluginQuota>();
	readonly #gates = new Map<number, readonly (StepGate | undefined)[]>();
	#waiting = 0;
	readonly #timer: NodeJS.Timeout;

	constructor(parts: AdmissionParts) {
		this.#parts = parts;
		this.#timer = setInterval(() => this.#lookAtWaiting(), LOOK_MS);
	}

	get inFlight(): number {
		return this.#parts.executor.inFlight + this.#waiting;
	}

	get threads(): number {
		return this.#parts.executor.threads;
	}

	/** Of all plugins that are not run at the moment. */
	get breakers(): BreakerStatus[] {
		return [...this.#guarded.values()].flatMap((guarded) => statusOf(guarded) ?? []);
	}

	probe(image: PluginImage): Promise<LoadFault | undefined> {
		return this.#parts.executor.probe(image);
	}

	callOwn(image: PluginImage, call: OwnCall): Promise<LoadFault | undefined> {
		return this.#parts.executor.callOwn(image, call);
	}

	async install(images: readonly PluginImage[], chains: readonly ThreadChain[]): Promise<void> {
		const byKey = new Map(images.map((image) => [image.key, image]));
		const slices = new TimeSlices();
		for (const chain of chains) {
			this.#gates.set(
				chain.id,
				chain.steps.map((step) => this.#gateFor(step, chain, byKey)),
			);
			if (slices.isOver()) await slices.pause();
		}
		await this.#parts.executor.install(images, chains);
	}

	remove(chains: readonly number[], images: readonly string[]): void {
		for (const chain of chains) this.#gates.delete(chain);
		for (const image of images) this.#guarded.delete(image);
		const used = new Set([...this.#guarded.values()].map(({ quota }) => quota));
		for (const [key, quota] of this.#quotas) {
			if (!used.has(quota) && quota.inHand === 0 && quota.waiting.length === 0) this.#quotas.delete(key);
		}
		this.#parts.executor.remove(chains, images);
	}

	run(call: HookCall): boolean {
		const gates = this.#gates.get(call.chain.id) ?? [];
		const full = this.#fullQuota(call, gates);
		if (full === undefined) return this.#admit(call, gates, undefined);
		if (!full.mayWait || this.#waiting >= this.#parts.maxWaiting) return this.#admit(call, gates, full);
		full.waiting.push({ call, until: this.#waitsUntil(call) });
		this.#waiting += 1;
		return true;
	}

	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await this.#parts.executor.stop();
	}

	/** A plugin that has no room must not cost the event the verdict of all others. */
	#waitsUntil(call: HookCall): number {
		const { clock, waitMs } = this.#parts;
		const until = clock() + waitMs;
		if (call.kind !== "reply") return until;
		return Math.min(until, call.receivedAt + replyBudgetMs(deadlineOf(peekEvent(call.body))) / 2);
	}

	#gateFor(step: ThreadStep, chain: ThreadChain, images: ReadonlyMap<string, PluginImage>): StepGate | undefined {
		// Whatever configuration a user has of their own, it counts for the plugin: one rate, one budget, and one breaker, which does not
		// learn from it.
		const key = leadingImage(step);
		if (key === undefined) return undefined;
		let guarded = this.#guarded.get(key);
		if (guarded === undefined) {
			const image = images.get(key);
			if (image === undefined) return undefined;
			const breaker = new Breaker(this.#parts.breaker);
			guarded = { image, tenant: chain.tenant, breaker, quota: this.#quotaFor(chain.tenant, image), revision: chain.revision };
			this.#guarded.set(key, guarded);
		}
		guarded.revision = chain.revision;
		return { step, breaker: guarded.breaker, quota: guarded.quota };
	}

	#quotaFor(tenant: string, { name, limits, waits }: PluginImage): PluginQuota {
		const { share } = this.#parts;
		const key = `${tenant}/${name}/${waits ? "waits" : "quick"}`;
		let quota = this.#quotas.get(key);
		if (quota === undefined) {
			quota = new PluginQuota(tenant, name, limits, waits ? share.waiting : share.quick);
			this.#quotas.set(key, quota);
		}
		quota.limits = limits;
		return quota;
	}

	#fullQuota(call: HookCall, gates: readonly (StepGate | undefined)[]): PluginQuota | undefined {
		for (const [index, gate] of gates.entries()) {
			if (gate?.quota.isFull && concerns(call, gate.step, index)) return gate.quota;
		}
		return undefined;
	}

	/** @param without a plugin that had no room for the event in time */
	#admit(call: HookCall, gates: readonly (StepGate | undefined)[], without: PluginQuota | undefined): boolean {
		const now = this.#parts.clock();
		const refusals: StepRefusal[] = [];
		const admitted: { readonly index: number; readonly gate: StepGate; readonly isTrial: boolean }[] = [];
		const held = new Set<PluginQuota>();
		for (const [index, gate] of gates.entries()) {
			if (gate === undefined || !concerns(call, gate.step, index)) continue;
			const hasNoRoom = gate.quota === without || (gate.quota.isFull && !held.has(gate.quota));
			const refusal = hasNoRoom ? noRoom(gate.quota) : this.#refusalOf(gate, now);
			if (typeof refusal === "object") {
				refusals.push({ step: index, ...refusal });
				continue;
			}
			admitted.push({ index, gate, isTrial: refusal === "trial" });
			held.add(gate.quota);
		}
		for (const quota of held) quota.inHand += 1;
		const settle = (steps: readonly StepCount[], deadlineMs: number) => {
			for (const quota of held) quota.inHand -= 1;
			for (const { index, gate, isTrial } of admitted) {
				this.#learn(
					gate,
					isTrial,
					steps.find(({ step }) => step === index),
					deadlineMs,
				);
			}
		};
		const taken = this.#parts.executor.run({
			...call,
			...(refusals.length === 0 ? {} : { refusals }),
			finish: (completion: CallCompletion) => {
				settle(completion.steps, completion.deadlineMs);
				call.finish(completion);
				for (const quota of held) this.#admitNext(quota);
			},
		});
		if (!taken) settle([], 0);
		return taken;
	}

	/** `run`, `trial`, or why not. */
	#refusalOf({ breaker, quota, step }: StepGate, now: number): "run" | "trial" | Omit<StepRefusal, "step"> {
		const { costPerDay, ratePerMinute } = quota.limits;
		if (costPerDay !== undefined && this.#parts.ledger.spent(quota.tenant, quota.plugin) >= costPerDay) {
			return {
				outcome: "over_budget",
				error: `it has cost ${costPerDay} US dollars today, which is its limit; it runs again tomorrow (UTC)`,
			};
		}
		const admitted = breaker.admit(now);
		if (admitted === "refuse") return { outcome: "breaker_open", error: breaker.refusal(now) };
		if (!quota.takeRate(now, this.#parts.runtimes)) {
			if (admitted === "trial") breaker.abandonTrial();
			return { outcome: "rate_limited", error: `${step.name} may run ${ratePerMinute} times a minute, which is used up` };
		}
		return admitted;
	}

	/**
	 * @param count what became of the step; absent: it was not reached
	 * @param deadlineMs of the event
	 */
	#learn({ breaker, quota, step }: StepGate, isTrial: boolean, count: StepCount | undefined, deadlineMs: number): void {
		if (count?.ran !== true) quota.giveBackRate();
		if (count?.accountable !== true || isUnfair(count, step, deadlineMs)) {
			if (isTrial) breaker.abandonTrial();
			return;
		}
		if (count.cost !== undefined) this.#parts.ledger.add(quota.tenant, quota.plugin, count.cost);
		// How a plugin does with one user's configuration says nothing about how it does for all others.
		if (count.ofUser) {
			if (isTrial) breaker.abandonTrial();
			return;
		}
		const before = breaker.state;
		if (count.outcome === "ok") breaker.succeed(isTrial);
		else
			breaker.fail(isTrial, count.error === undefined ? count.outcome : `${count.outcome}: ${count.error}`, this.#parts.clock());
		if (breaker.state !== before && breaker.state !== "closed") this.#report(breaker);
	}

	#report(breaker: Breaker): void {
		for (const guarded of this.#guarded.values()) {
			const status = guarded.breaker === breaker ? statusOf(guarded) : undefined;
			if (status !== undefined) this.#parts.onBreaker(status);
		}
	}

	#admitNext(quota: PluginQuota): void {
		while (!quota.isFull) {
			const next = quota.waiting.shift();
			if (next === undefined) return;
			this.#readmit(next.call, undefined);
		}
	}

	#readmit(call: HookCall, without: PluginQuota | undefined): void {
		this.#waiting -= 1;
		const gates = this.#gates.get(call.chain.id) ?? [];
		if (this.#admit(call, gates, without)) return;
		const { runtime, clock } = this.#parts;
		call.finish(settleUnrun(call, "overloaded", "the runtime had no room for the event", runtime, clock()));
	}

	/** Without a sign of life the client would send the event again. */
	#progress(call: HookCall, now: number): void {
		if (call.progress === undefined || now < call.nextFrameAt) return;
		call.nextFrameAt = now + this.#parts.frameIntervalMs;
		call.progress();
	}

	#lookAtWaiting(): void {
		if (this.#waiting === 0) return;
		const now = this.#parts.clock();
		for (const quota of this.#quotas.values()) {
			if (quota.waiting.length === 0) continue;
			const over = quota.waiting.filter(({ until }) => now >= until);
			if (over.length > 0) quota.waiting = quota.waiting.filter(({ until }) => now < until);
			for (const { call } of quota.waiting) this.#progress(call, now);
			for (const { call } of over) this.#readmit(call, quota);
		}
	}
}

/** Whether the step may run for this kind of call at all. */
function concerns(call: HookCall, step: ThreadStep, index: number): boolean {
	switch (call.kind) {
		case "reply":
			return step.effect !== "observe";
		case "observe":
			return step.effect === "observe";
		case "durable":
			return call.only?.includes(index) ?? true;
	}
}

/** It was ended before its limit because the event's time was over, and others had used most of that. */
function isUnfair({ outcome, durationMs }: StepCount, { timeoutMs }: ThreadStep, deadlineMs: number): boolean {
	return outcome === "timeout" && durationMs < Math.min(timeoutMs, deadlineMs / 2) * 0.9;
}

function noRoom({ most }: PluginQuota): Omit<StepRefusal, "step"> {
	return {
		outcome: "overloaded",
		error: `${most} events have it in this runtime, which is its limit, and none was done in time`,
	};
}

function statusOf({ breaker, image, tenant, revision }: Guarded): BreakerStatus | undefined {
	const { status } = breaker;
	if (status === undefined) return undefined;
	return { tenant, plugin: image.name, version: image.version, ...status, revision };
}
