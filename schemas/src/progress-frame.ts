// Sent by a runtime to a client that opted in (reply subject `_INBOX_<tenant>.frames.…`) while an event is being worked
// on. A client that hears neither frame nor verdict knows that the runtime is gone or frozen, and sends the event again.
import { type Static, Type } from "@sinclair/typebox";

/** Milliseconds without a verdict after which the first frame goes out, and between two frames. */
export const FRAME_INTERVAL_MS = 40;

export const ProgressFrame = Type.Object({ frame: Type.Literal("working"), runtime: Type.String() }, { $id: "ProgressFrame" });
export type ProgressFrame = Static<typeof ProgressFrame>;

/** True when a reply is a progress frame and not yet the verdict. */
export function isProgressFrame(value: unknown): value is ProgressFrame {
	return typeof value === "object" && value !== null && (value as { frame?: unknown }).frame === "working";
}
