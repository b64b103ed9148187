// All attacks of the suite.
import type { Attack } from "./attack.js";
import { COMPILE } from "./attacks/compile.js";
import { ENDLESS } from "./attacks/endless.js";
import { HOST_CALLS } from "./attacks/host-calls.js";
import { MEMORY } from "./attacks/memory.js";
import { OUTPUT } from "./attacks/output.js";
import { REFUSED } from "./attacks/refused.js";
import { RESIDUE } from "./attacks/residue.js";
import { TRAPS } from "./attacks/traps.js";

export const ATTACKS: readonly Attack[] = [
	...REFUSED,
	...COMPILE,
	...ENDLESS,
	...MEMORY,
	...TRAPS,
	...OUTPUT,
	...HOST_CALLS,
	...RESIDUE,
];
