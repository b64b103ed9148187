// Modules that are not even taken into service. They are put on the bus past the control plane's check, as somebody would who
// can write to the object store: the runtime checks again.
import { encodeModule, encodeU32, encodeVector, SECTION } from "@hookbus/foundation";
import { MAX_MODULE_BYTES } from "@hookbus/schemas";
import { assemble, assembleWith } from "../../support/module-returning.js";
import type { Attack } from "../attack.js";

const HOOK = '(func (export "on_chat_message") (result i32) (i32.const 0))';

const refused = (id: string, tries: string, error: RegExp, module: () => Promise<Uint8Array>): Attack => ({
	id,
	tries,
	stoppedBy: "the module is parsed and checked before anything compiles it",
	module,
	outcome: "load_failed",
	error,
});

const text = (id: string, tries: string, error: RegExp, fields: string): Attack =>
	refused(id, tries, error, () =>
		assembleWith({ threads: true, memory64: true, multi_memory: true, exceptions: true }, `(module ${fields})`),
	);

const repeat = (count: number, item: (index: number) => string) =>
	Array.from({ length: count }, (_, index) => item(index)).join("\n");

/** A module of one function whose body is these instructions. */
function oneFunction(body: readonly number[]): Uint8Array {
	const code = [0, ...body, 0x41, 0, 0x0b];
	const hookExport = [15, ...Buffer.from("on_chat_message"), 0, 0];
	return encodeModule([
		[SECTION.type, encodeVector([[0x60, 0, 1, 0x7f]])],
		[SECTION.function, encodeVector([[0]])],
		[SECTION.export, encodeVector([hookExport])],
		[SECTION.code, [...encodeU32(1), ...encodeU32(code.length), ...code]],
	]);
}

export const REFUSED: readonly Attack[] = [
	text(
		"start-function",
		"runs a loop as its start function",
		/start function/,
		`(func $s (loop $again (br $again))) (start $s) ${HOOK}`,
	),
	text("import-evil", "imports from a module that nobody offers", /does not offer/, `(import "evil" "x" (func)) ${HOOK}`),
	text(
		"import-unknown",
		"imports a host function that does not exist",
		/unknown to this host/,
		`(import "extism:host/env" "reboot" (func)) ${HOOK}`,
	),
	text(
		"import-wrong-type",
		"imports alloc with a type of its own",
		/is declared as/,
		`(import "extism:host/env" "alloc" (func (param i32) (result i32))) ${HOOK}`,
	),
	text("import-memory", "imports a memory", /only functions/, `(import "extism:host/env" "memory" (memory 1)) ${HOOK}`),
	text("import-table", "imports a table", /only functions/, `(import "extism:host/env" "alloc" (table 1 funcref)) ${HOOK}`),
	text(
		"import-itself",
		"imports its own hook, to be called again in the middle of a call",
		/does not offer/,
		`(import "plugin" "own:on_chat_message" (func (result i32))) (import "main" "plugin:on_chat_message" (func)) ${HOOK}`,
	),
	text("import-global", "imports a global", /only functions/, `(import "extism:host/env" "alloc" (global i32)) ${HOOK}`),
	text(
		"import-host-only",
		"imports what only the host may call",
		/unknown to this host/,
		`(import "extism:host/env" "kept_load" (func (param i32) (result v128))) ${HOOK}`,
	),
	text(
		"import-host",
		"imports from the host behind the host memory",
		/does not offer/,
		`(import "host" "fail" (func (param i32))) ${HOOK}`,
	),
	text(
		"import-flood",
		"imports 10,000 functions",
		/imports; at most/,
		`${repeat(10_000, () => '(import "extism:host/env" "free" (func (param i64)))')} ${HOOK}`,
	),
	text("export-missing", "exports no hook", /missing/, "(func)"),
	text("export-wrong-type", "exports a hook of another type", /it must be/, '(func (export "on_chat_message") (param i64))'),
	text(
		"export-memory-as-hook",
		"exports a memory under the name of the hook",
		/it must be a function/,
		'(memory (export "on_chat_message") 1)',
	),
	text(
		"throw-exception",
		"throws an exception that nobody catches",
		/unknown section id 13/,
		'(tag $thrown) (func (export "on_chat_message") (result i32) (throw $thrown))',
	),
	text(
		"catch-denial",
		"catches what the host throws to end its call, and goes on",
		/uses instruction 0x6 .*does not know/,
		`(import "extism:host/env" "http_request" (func $http_request (param i64 i64) (result i64)))
		(func (export "on_chat_message") (result i32)
			(loop $again (try (do (drop (call $http_request (i64.const 0) (i64.const 0)))) (catch_all)) (br $again)) (i32.const 0))`,
	),
	text(
		"export-flood",
		"exports 100,000 functions",
		/exports; at most/,
		`(func $f) ${repeat(100_000, (index) => `(export "f${index}" (func $f))`)} ${HOOK}`,
	),
	text("memory-too-large", "begins with more memory than it may have", /the limit is/, `(memory 60000) ${HOOK}`),
	text("memory-shared", "shares its memory", /[Ss]hared/, `(memory 1 2 shared) ${HOOK}`),
	text("memory-64", "addresses its memory with 64 bits", /64-bit/, `(memory i64 1) ${HOOK}`),
	text("memory-twice", "has two memories", /2 memories/, `(memory 1) (memory 1) ${HOOK}`),
	text("table-too-large", "begins with a table of 10 million elements", /elements; at most/, `(table 10000000 funcref) ${HOOK}`),
	text("table-flood", "has 1,000 tables", /tables; at most/, `${repeat(1_000, () => "(table 1 funcref)")} ${HOOK}`),
	text(
		"global-flood",
		"has 100,000 globals",
		/globals; at most/,
		`${repeat(100_000, () => "(global (mut i64) (i64.const 0))")} ${HOOK}`,
	),
	refused("oversized", "has more bytes than a module may have", /at most/, async () => {
		const bytes = await assemble(`(module ${HOOK})`);
		const padding = MAX_MODULE_BYTES;
		const custom = [0, ...encodeU32(padding + 2), 1, 0x78];
		return Uint8Array.from([...bytes, ...custom, ...new Uint8Array(padding)]);
	}),
	refused("truncated", "breaks off in its code", /claims|ends|malformed/, async () =>
		(await assemble(`(module ${HOOK})`)).slice(0, -3),
	),
	refused("component", "is a component", /component/, async () => Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])),
	refused("not-wasm", "is a shell script", /header|does not begin/, async () => Buffer.from("#!/bin/sh\nrm -rf /\n")),
	refused("invalid-code", "has code that is not valid", /./, async () => oneFunction([0x6a, 0x1a])),
	refused("deep-nesting", "nests a million blocks", /./, async () =>
		oneFunction([...new Array<number>(1_000_000).fill(0).flatMap(() => [0x02, 0x40]), ...new Array<number>(999_999).fill(0x0b)]),
	),
];
