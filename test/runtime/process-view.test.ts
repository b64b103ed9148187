// What a plugin sees of the process that runs it: nothing. Its environment, its open files and sockets, and files that it could read
// are all there, and every function of WASI is asked for them.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WASI_IMPORTS } from "@hookbus/foundation";
import { expect, test } from "vitest";
import { hostileModule } from "../attack/hostile-module.js";
import { ask } from "../support/ask.js";
import { connectTo } from "../support/connect.js";
import { chatEvent } from "../support/events.js";
import { TestRoutes } from "../support/route-tables.js";
import { startNats } from "../support/start-nats.js";
import { spawnRuntime } from "../support/start-runtime.js";
import { tempDir } from "../support/temp-dir.js";

const CANARY = "canary-4711";
const imports = Object.entries(WASI_IMPORTS)
	.filter(([name]) => !["proc_exit", "poll_oneoff"].includes(name))
	.map(([name, { params, results }]) => {
		const list = (keyword: string, types: readonly string[]) => (types.length === 0 ? "" : ` (${keyword} ${types.join(" ")})`);
		return `(import "wasi_snapshot_preview1" "${name}" (func $${name}${list("param", params)}${list("result", results)}))`;
	})
	.join("\n");

/** Asks for everything behind the file numbers 0 to 1,023, and counts what was not refused. */
function looksAround(path: string): Promise<Uint8Array> {
	const file = "(local.get $i)";
	const at = (offset: number) => `(i32.const ${offset})`;
	const text = (from: number) => `(i32.add (global.get $data) ${at(from)}) (i32.sub (global.get $data_length) ${at(from)})`;
	const everywhere = [
		`(call $fd_read ${file} ${at(1000)} ${at(1)} ${at(1100)})`,
		`(call $fd_pread ${file} ${at(1000)} ${at(1)} (i64.const 0) ${at(1100)})`,
		`(call $fd_readdir ${file} ${at(2000)} ${at(64)} (i64.const 0) ${at(1100)})`,
		`(call $fd_prestat_get ${file} ${at(1100)})`,
		`(call $fd_prestat_dir_name ${file} ${at(2000)} ${at(64)})`,
		`(call $fd_filestat_get ${file} ${at(1200)})`,
		`(call $fd_seek ${file} (i64.const 0) ${at(0)} ${at(1100)})`,
		`(call $fd_close ${file})`,
		`(call $sock_recv ${file} ${at(1000)} ${at(1)} ${at(0)} ${at(1100)} ${at(1104)})`,
		`(call $sock_send ${file} ${at(1000)} ${at(1)} ${at(0)} ${at(1100)})`,
		`(call $sock_accept ${file} ${at(0)} ${at(1100)})`,
		...[0, 1].flatMap((from) => [
			`(call $path_open ${file} ${at(1)} ${text(from)} ${at(0)} (i64.const -1) (i64.const -1) ${at(0)} ${at(1100)})`,
			`(call $path_filestat_get ${file} ${at(1)} ${text(from)} ${at(1200)})`,
			`(call $path_readlink ${file} ${text(from)} ${at(2000)} ${at(64)} ${at(1100)})`,
			`(call $path_unlink_file ${file} ${text(from)})`,
		]),
	];
	// Standard output and standard error are the plugin's log.
	const butTheLog = [`(call $fd_fdstat_get ${file} ${at(1200)})`, `(call $fd_write ${file} ${at(1000)} ${at(1)} ${at(1100)})`];
	const count = (call: string) => `(local.set $a (i64.add (local.get $a) (i64.extend_i32_u (i32.eqz ${call}))))`;
	return hostileModule({
		imports,
		data: path,
		hook: `(i32.store ${at(1000)} ${at(2000)}) (i32.store ${at(1004)} ${at(64)})
			(loop $next
				${everywhere.map(count).join("\n")}
				(if (i32.and (i32.ne ${file} ${at(1)}) (i32.ne ${file} ${at(2)})) (then ${butTheLog.map(count).join("\n")}))
				(local.set $i (i32.add (local.get $i) (i32.const 1)))
				(br_if $next (i32.lt_u (local.get $i) ${at(1024)})))
			(drop (call $environ_sizes_get ${at(1300)} ${at(1304)})) (drop (call $args_sizes_get ${at(1308)} ${at(1312)}))
			(local.set $a (i64.or (local.get $a) (i64.or (i64.load ${at(1300)}) (i64.load ${at(1308)}))))
			(if (i64.eqz (local.get $a)) (then (call $continue)) (else (call $say_seen)))`,
	});
}

test("HP-40 a plugin sees no environment, no file and no open descriptor of the runtime's process", async () => {
	const nats = await startNats();
	const connection = await connectTo(nats.url);
	const path = join(tempDir("canary"), "canary");
	writeFileSync(path, CANARY);
	const runtime = await spawnRuntime({ natsUrl: nats.url, settings: { CANARY } });
	const bindings = [{ hook: "on_chat_message", effect: "gate" }] as const;
	await new TestRoutes(connection).apply([{ name: "spy", module: await looksAround(path), bindings }]);
	const verdict = await ask(connection, chatEvent("look around"));
	expect(verdict).toMatchObject({ action: "continue", trail: [{ plugin: "spy", outcome: "ok" }] });
	expect(verdict.trail[0]).not.toHaveProperty("reason");
	// It would all have been there.
	expect(readFileSync(path, "utf8")).toBe(CANARY);
	if (process.platform !== "linux") return;
	expect(readFileSync(`/proc/${runtime.pid}/environ`, "utf8")).toContain(`CANARY=${CANARY}`);
	expect(openFiles(runtime.pid).some((target) => target.startsWith("socket:"))).toBe(true);
});

function openFiles(pid: number): string[] {
	return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
		try {
			return [readlinkSync(`/proc/${pid}/fd/${name}`)];
		} catch {
			// Closed in the meantime.
			return [];
		}
	});
}
