// The case `scale`: what a tenant of ten thousand plugins, a thousand assistants and a million executions costs.
import type { BenchBus } from "../bench-bus.js";
import { type ControlPlaneFigures, measureControlPlane } from "./control-plane.js";
import { measureRuntime, type RuntimeFigures } from "./runtime.js";

export interface ScaleFigures {
	readonly scale_answer_p95_ms: number;
	readonly scale_change_p50_ms: number;
	readonly scale_change_pause_ms: number;
	readonly scale_take_ms: number;
	readonly scale_take_pause_ms: number;
	readonly scale_event_vs_small: number;
	readonly detail: { readonly runtime: RuntimeFigures; readonly controlPlane: ControlPlaneFigures };
}

const SIZE = { plugins: 10_000, assistants: 1_000, executions: 1_000_000 };
/** Plugins with a module each that a runtime takes; ten thousand take ten times as long. */
const MODULES = 1_000;

export async function benchScale(bus: BenchBus, say: (text: string) => void): Promise<ScaleFigures> {
	const runtime = await measureRuntime(bus, MODULES, say);
	const controlPlane = await measureControlPlane(bus, SIZE, say);
	return {
		// The slowest of all questions.
		scale_answer_p95_ms: Math.max(...Object.values(controlPlane.answers).map(({ p95 }) => p95)),
		scale_change_p50_ms: controlPlane.changeP50Ms,
		scale_change_pause_ms: controlPlane.changePauseMs,
		scale_take_ms: Math.max(runtime.first.tookMs, runtime.allChanged.tookMs),
		scale_take_pause_ms: Math.max(runtime.first.pauseMs, runtime.allChanged.pauseMs),
		scale_event_vs_small: runtime.eventRatio,
		detail: { runtime, controlPlane },
	};
}
