// V8 flags that must be set before the first module is compiled, for this process and all its threads.
//
// `--wasm-tiering-budget=1000`: a thread in a loop of large memory.fill operations would survive terminate() for a minute, because
// interrupts are polled only when code tiers up; with it, code does so soon and often (at 1 even an empty loop is never polled).
// `--no-wasm-dynamic-tiering` helps too, but optimises every function of a module, also those that never run: 3 to 6 times the
// time for a module, and no faster calls.
// `--no-wasm-lazy-compilation`: functions are compiled with the module, in the thread that has a limit for it, and not when a
// plugin first calls them: compiling a function that is made for it takes a second, and cannot be interrupted.
import { setFlagsFromString } from "node:v8";

/** Most pages of 64 KiB of any Wasm memory in this process; a backstop behind the limit in each module. */
const MAX_PAGES = 2_048;

/** Sets the flags for this process and all its threads. */
export function setEngineFlags(): void {
	setFlagsFromString("--wasm-tiering-budget=1000");
	setFlagsFromString("--no-wasm-lazy-compilation");
	setFlagsFromString(`--wasm-max-mem-pages=${MAX_PAGES}`);
}
