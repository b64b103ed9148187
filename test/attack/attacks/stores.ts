// Modules that misuse what they may keep and publish: to see what others keep, to fill the bus, to reach subjects that are not theirs.
import type { Permission } from "@hookbus/schemas";
import { USER_IMPORTS_WAT, watString } from "../../support/wat-parts.js";
import { type Attack, sawNothing } from "../attack.js";
import { hostileModule } from "../hostile-module.js";
import { KEEPER } from "../outside-world.js";

const OWN = "names are encoded behind the tenant and the name of the plugin, which the host knows and the plugin cannot say";
const BOUNDS = "calls, bytes and names are limited for each plugin";
const ALL: readonly Permission[] = ["read_messages", "state", "write_files", "publish"];

/** A name as a block: `(call $name<index>)`. */
function names(texts: readonly string[]): string {
	let at = 1_024;
	return texts
		.map((text, index) => {
			const length = Buffer.byteLength(text);
			const field = `(data (i32.const ${at}) ${watString(text)})
				(func $name${index} (result i64) (call $block (i32.const ${at}) (i32.const ${length})))`;
			at += length;
			return field;
		})
		.join("\n");
}

const keeping = (
	id: string,
	tries: string,
	hook: string,
	outcome: Attack["outcome"],
	{ named = [], ...more }: Partial<Attack> & { readonly named?: readonly string[] } = {},
): Attack => ({
	id,
	tries,
	stoppedBy: BOUNDS,
	module: () => hostileModule({ imports: USER_IMPORTS_WAT, fields: `(memory 4) ${names(named)}`, hook }),
	plugin: { name: KEEPER, grants: ALL, limits: { timeoutMs: 2_000, stateBytes: 100_000, fileBytes: 100_000 } },
	outcome,
	...(outcome === "ok" ? { looksAt: sawNothing } : {}),
	...more,
});

/** Does something so many times. */
const times = (count: number, body: string) =>
	`(loop $next ${body} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $next (i32.lt_u (local.get $i) (i32.const ${count}))))`;

/** Says that it saw something when this is not 0. */
const seenUnlessZero = (value: string) => `(if (i64.ne ${value} (i64.const 0)) (then (call $say_seen) (return (i32.const 0))))`;

/** Names under which the neighbour's secret would stand, if names were not encoded. */
const TRICKS = [
	"secret",
	"../neighbour/secret",
	"neighbour.secret",
	"*",
	">",
	"acme.neighbour.c3NlY3JldA",
	"hookbus.v1.state.acme.neighbour.c3NlY3JldA",
	"secret\u0000",
	"\r\n+OK",
];

const everyTrick = (call: string) => TRICKS.map((_, index) => seenUnlessZero(`(call ${call} (call $name${index}))`)).join("\n");

/** A plugin without any grant but the one to read. */
const WITHOUT = { plugin: { name: KEEPER } } as const;

export const STORES: readonly Attack[] = [
	keeping(
		"state-of-neighbour",
		"asks for what other plugins and tenants keep, by every name",
		`${everyTrick("$state_get")} (call $continue)`,
		"ok",
		{
			named: TRICKS,
			stoppedBy: OWN,
		},
	),
	keeping(
		"files-of-neighbour",
		"asks for files that other plugins and tenants keep",
		`${seenUnlessZero("(call $file_read (call $name0))")} (call $continue)`,
		"ok",
		{ named: ["secret"], stoppedBy: OWN },
	),
	keeping(
		"file-path-escape",
		"reads a file by a way up",
		"(drop (call $file_read (call $name0))) (call $continue)",
		"guest_error",
		{
			named: ["../../etc/passwd"],
		},
	),
	keeping(
		"file-absolute-path",
		"reads a file from the root",
		"(drop (call $file_read (call $name0))) (call $continue)",
		"guest_error",
		{
			named: ["/etc/passwd"],
		},
	),
	keeping(
		"once-of-neighbour",
		"uses up a key that another plugin used up",
		"(if (i32.eqz (call $once (call $name0) (i64.const 1000))) (then (call $say_seen) (return (i32.const 0)))) (call $continue)",
		"ok",
		{ named: ["secret"], texts: ["one event"], stoppedBy: OWN, tries: "looks whether a key was used by somebody else" },
	),
	keeping(
		"state-flood",
		"keeps 1,000 values for one event",
		times(1_000, "(drop (call $state_set (call $block (i32.const 0) (local.get $i)) (call $name0) (i64.const 0)))"),
		"guest_error",
		{ named: ["value"], tries: "keeps values under 1,000 names, the first of them empty" },
	),
	keeping(
		"state-call-flood",
		"keeps the same value 1,000 times for one event",
		times(1_000, "(drop (call $state_set (call $name0) (call $name0) (i64.const 0)))"),
		"denied",
		{ named: ["value"] },
	),
	keeping(
		"state-too-much",
		"keeps more than it may, and says when there was no room",
		`${times(20, "(local.set $a (i64.extend_i32_u (i32.or (i32.wrap_i64 (local.get $a)) (call $state_set (call $block (i32.const 0) (i32.add (local.get $i) (i32.const 1))) (call $alloc (i64.const 30000)) (i64.const 0)))))")}
		(if (i64.eqz (local.get $a)) (then (call $say_seen)) (else (call $continue)))`,
		"ok",
	),
	keeping(
		"state-large-value",
		"keeps a value of 200 kB",
		"(drop (call $state_set (call $name0) (call $alloc (i64.const 200000)) (i64.const 0)))",
		"guest_error",
		{
			named: ["key"],
		},
	),
	keeping(
		"state-long-key",
		"keeps something under a name of 100 kB",
		"(drop (call $state_get (call $alloc (i64.const 100000))))",
		"guest_error",
	),
	keeping(
		"state-key-not-text",
		"names what is no text",
		"(call $store_u8 (local.tee $a (call $alloc (i64.const 1))) (i32.const 0xff)) (drop (call $state_get (local.get $a)))",
		"guest_error",
	),
	keeping(
		"state-endless-time",
		"keeps something for longer than there is time",
		"(drop (call $state_set (call $name0) (call $name0) (i64.const -1)))",
		"guest_error",
		{
			named: ["key"],
		},
	),
	keeping(
		"state-of-nowhere",
		"names a block that does not exist",
		"(drop (call $state_get (i64.const 0x0777000000000000)))",
		"trap",
	),
	keeping(
		"file-too-large",
		"keeps a file of 600 kB",
		"(drop (call $file_write (call $name0) (call $alloc (i64.const 600000))))",
		"guest_error",
		{
			named: ["file"],
		},
	),
	keeping(
		"publish-hook",
		"publishes an event of a hook, to start other plugins or itself",
		"(call $publish (call $name0) (call $name0))",
		"guest_error",
		{
			named: ["hooks.v1.acme.on_chat_message.victim"],
			stoppedBy: "the subject begins with what the host knows of the plugin",
		},
	),
	keeping("publish-wildcard", "publishes to a wildcard", "(call $publish (call $name0) (call $name0))", "guest_error", {
		named: ["a.>"],
	}),
	keeping(
		"publish-injection",
		"publishes to a subject with a line break and a command",
		"(call $publish (call $name0) (call $name0))",
		"guest_error",
		{
			named: ["a\r\nPUB x 1\r\nx"],
		},
	),
	keeping(
		"publish-flood",
		"publishes 1,000 events for one",
		times(1_000, "(call $publish (call $name0) (call $name0))"),
		"denied",
		{
			named: ["topic"],
		},
	),
	keeping(
		"once-flood",
		"uses up 1,000 keys for one event",
		times(1_000, "(drop (call $once (call $name0) (i64.const 1000)))"),
		"denied",
		{
			named: ["key"],
		},
	),
	keeping(
		"state-ungranted",
		"keeps something without a grant",
		"(call $state_delete (call $name0)) (loop $again (br $again))",
		"denied",
		{
			named: ["key"],
			stoppedBy: "nothing is kept or published without a grant",
			...WITHOUT,
		},
	),
	keeping("publish-ungranted", "publishes without a grant", "(call $publish (call $name0) (call $name0))", "denied", {
		named: ["topic"],
		stoppedBy: "nothing is kept or published without a grant",
		...WITHOUT,
	}),
	keeping(
		"ask-and-loop",
		"asks the host and then never ends",
		"(call $state_delete (call $name0)) (loop $again (br $again))",
		"timeout",
		{
			named: ["key"],
			stoppedBy: "the time limit of the invocation counts what the host does for it",
			plugin: { name: KEEPER, grants: ALL, limits: { timeoutMs: 100 } },
		},
	),
];
