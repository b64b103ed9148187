// V8 flags that must be set before the first module is compiled. Without the first, a thread in a loop of large memory.fill
// operations survives terminate() for a minute: interrupts are polled only when code tiers up, and this makes it tier up.
import { setFlagsFromString } from "node:v8";

/** Most pages of 64 KiB of any Wasm memory in this process; a backstop behind the limit in each module. */
const MAX_PAGES = 2_048;

/** Sets the flags for this process and all its threads. */
export function setEngineFlags(): void {
	setFlagsFromString("--no-wasm-dynamic-tiering");
	setFlagsFromString(`--wasm-max-mem-pages=${MAX_PAGES}`);
}
