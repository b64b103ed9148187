// What a plugin says goes into logs, trails and records that others read; its own secrets must not.
import { PluginInstance, setEngineFlags } from "@hookbus/runtime";
import { expect, test } from "vitest";
import { hostileModule } from "../attack/hostile-module.js";
import { assemble } from "../support/module-returning.js";
import { pluginImage } from "../support/plugin-image.js";
import { BLOCK_FUNCTION_WAT, EXTISM_IMPORTS_WAT } from "../support/wat-parts.js";

setEngineFlags();

test("HP-18 a plugin's secrets are taken out of its log lines and its error, wherever they stand", async () => {
	const secret = "sk-live-4711\nsecond line";
	const bytes = await hostileModule({
		data: "secret_keyconfig",
		hook: `(call $log_warn (call $config_get (call $block (global.get $data) (i32.const 10))))
			(call $log_info (call $config_get (call $block (i32.add (global.get $data) (i32.const 10)) (i32.const 6))))
			(call $error_set (call $config_get (call $block (global.get $data) (i32.const 10))))`,
	});
	const instance = await PluginInstance.make(await pluginImage(bytes, { secret_key: secret, colour: "blue" }));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	const outcome = instance.call("on_chat_message", "{}");
	expect(outcome).toMatchObject({
		failure: { outcome: "guest_error", message: "[secret]" },
		report: {
			logs: [
				{ level: "warn", text: "[secret]" },
				{ level: "info", text: '{"secret_key":"[secret]","colour":"blue"}' },
			],
		},
	});
	expect(JSON.stringify(outcome)).not.toContain("4711");
});

test("a plugin that sets an error and then traps is quoted, without its secrets", async () => {
	const module = await assemble(`(module
		${EXTISM_IMPORTS_WAT}
		(memory 1)
		(data (i32.const 0) "lost token-1234")
		${BLOCK_FUNCTION_WAT}
		(func (export "on_chat_message") (result i32)
			(call $error_set (call $block (i32.const 0) (i32.const 15)))
			unreachable))`);
	const instance = await PluginInstance.make(await pluginImage(module, { secretToken: "token-1234" }));
	if (!(instance instanceof PluginInstance)) throw new Error(instance.failure.message);
	const outcome = instance.call("on_chat_message", "{}");
	expect(outcome).toMatchObject({ failure: { outcome: "trap", message: "unreachable; it had said: lost [secret]" } });
});
