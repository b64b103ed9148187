// All attacks of the suite.
import type { Attack } from "./attack.js";
import { COMPILE } from "./attacks/compile.js";
import { ENDLESS } from "./attacks/endless.js";
import { HOST_CALLS } from "./attacks/host-calls.js";
import { MEMORY } from "./attacks/memory.js";
import { NETWORK } from "./attacks/network.js";
import { OUTPUT } from "./attacks/output.js";
import { REFUSED } from "./attacks/refused.js";
import { RESIDUE } from "./attacks/residue.js";
import { STORES } from "./attacks/stores.js";
import { TRAPS } from "./attacks/traps.js";
import { WASI } from "./attacks/wasi.js";

export const ATTACKS: readonly Attack[] = [
	...REFUSED,
	...COMPILE,
	...ENDLESS,
	...MEMORY,
	...TRAPS,
	...OUTPUT,
	...HOST_CALLS,
	...RESIDUE,
	...WASI,
	...NETWORK,
	...STORES,
];

/** Ids of reliability tests, and the attacks that show them. reliability-ids.ts finds the other tests that do. */
const SHOWS: Readonly<Record<string, readonly string[]>> = {
	"HP-01": ["loop-forever", "host-call-loop", "host-read-loop", "host-error-loop", "global-loop", "float-loop"],
	"HP-02": ["start-function"],
	"HP-03": [
		"loop-in-initialize",
		"loop-in-export-initialize",
		"loop-in-export-start",
		"loop-in-export-hsinit",
		"trap-in-initialize",
	],
	"HP-04": ["start-function"],
	"HP-05": [
		"import-evil",
		"import-unknown",
		"import-wrong-type",
		"import-memory",
		"import-table",
		"import-global",
		"import-host-only",
		"import-host",
		"import-flood",
	],
	"HP-06": ["memory-fill-loop", "memory-copy-loop", "memory-init-loop", "table-loop", "table-fill-loop"],
	"HP-07": ["grow-memory", "grow-memory-at-once"],
	"HP-08": ["memory-too-large", "memory-shared", "memory-64", "memory-twice"],
	"HP-09": [
		"huge-allocation",
		"negative-allocation",
		"signed-allocation",
		"two-billion-allocation",
		"allocation-flood",
		"allocation-of-nothing-flood",
		"allocation-after-free-flood",
		"config-flood",
		"read-freed-block",
	],
	"HP-10": ["deep-recursion", "indirect-recursion", "wide-recursion", "widest-recursion"],
	"HP-11": [
		"unreachable",
		"division-by-zero",
		"truncation-overflow",
		"read-outside-memory",
		"write-outside-memory",
		"null-function",
		"wrong-signature",
		"read-behind-block",
		"write-behind-block",
		"throw-exception",
	],
	"HP-12": ["huge-output", "output-length-lie"],
	"HP-13": [
		"no-output",
		"freed-output",
		"output-of-nowhere",
		"error-of-nowhere",
		"error-and-output",
		"return-code",
		"free-everything",
	],
	"HP-14": ["invalid-utf-8", "lone-surrogate"],
	"HP-15": [
		"invalid-json",
		"more-than-json",
		"no-object",
		"duplicate-keys",
		"huge-number",
		"only-brackets",
		"many-keys",
		"deep-json",
	],
	"HP-16": ["proto-in-annotations", "constructor-in-annotations", "proto-in-patch", "constructor-in-patch"],
	"HP-17": ["log-flood", "log-of-nowhere"],
	"HP-18": ["log-long-line", "error-with-escapes"],
	"HP-19": ["variable-flood", "empty-variable-flood", "long-variable-name"],
	"HP-20": ["http-host", "http-swallowed-denial", "http-path-escape", "http-other-method"],
	"HP-21": [
		"http-granted-loopback",
		"http-granted-decimal",
		"http-granted-hex",
		"http-granted-octal",
		"http-granted-short",
		"http-granted-zero",
		"http-granted-ipv6",
		"http-granted-mapped-ipv6",
		"http-granted-metadata",
		"http-granted-private-range",
		"http-granted-wide-digits",
		"http-credentials",
		"http-loopback",
		"http-loopback-decimal",
		"http-loopback-octal",
		"http-loopback-ipv6",
		"http-mapped-ipv6",
		"http-metadata",
		"http-file",
	],
	"HP-22": [
		"http-redirect-to-loopback",
		"http-redirect-to-loopback-6",
		"http-redirect-to-decimal",
		"http-redirect-to-inside-name",
		"http-redirect-to-elsewhere",
		"http-redirect-to-file",
		"http-redirect-round",
	],
	"HP-23": [
		"http-granted-name",
		"http-granted-mixed-names",
		"http-granted-metadata-name",
		"http-granted-private-name",
		"http-granted-rebinding",
	],
	"HP-25": ["http-slow-headers", "http-slow-body", "http-endless-body", "http-flood"],
	"HP-26": ["http-header-injection", "http-connect"],
	"HP-28": [
		"memory-residue",
		"global-residue",
		"vector-residue",
		"table-residue",
		"size-residue",
		"segment-residue",
		"variable-residue",
		"host-memory-residue",
		"error-residue",
		"http-residue",
	],
	"HP-30": ["config-of-object", "config-proto", "config-of-neighbour", "config-long-key"],
	"HP-32": [
		"compile-locals",
		"compile-straight-line",
		"compile-calls",
		"compile-functions",
		"compile-loops",
		"compile-ifs",
		"compile-branch-tables",
		"deep-nesting",
		"export-flood",
		"oversized",
	],
	"HP-33": ["table-too-large", "table-flood", "grow-table", "global-flood", "exports-of-object"],
	"HP-34": ["export-memory-as-hook", "export-wrong-type", "export-missing", "import-itself"],
	"HP-36": ["wasi-fine-clock", "wasi-processor-clock", "memory-shared", "import-unknown"],
	"HP-39": ["wasi-sleep", "wasi-sleep-loop", "http-slow-headers", "http-slow-body", "ask-and-loop"],
	"HP-40": ["wasi-open", "wasi-directory", "wasi-environment", "wasi-exit"],
	"HP-41": [
		"gate-adds-roles",
		"transform-adds-unknown-role",
		"transform-adds-tools",
		"transform-defines-tool",
		"transform-hides-text",
		"patch-outside-paths",
		"patch-to-nonsense",
	],
};

/** Ids of the reliability tests that an attack shows. */
export function testIdsOf(attack: Attack): string[] {
	return Object.entries(SHOWS).flatMap(([id, attacks]) => (attacks.includes(attack.id) ? [id] : []));
}

/** Names in the table above that no attack has; there must be none. */
export function unknownNames(): string[] {
	const known = new Set(ATTACKS.map(({ id }) => id));
	return Object.values(SHOWS).flatMap((names) => names.filter((name) => !known.has(name)));
}
