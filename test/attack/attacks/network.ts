// Modules that were granted access to the network, and use it to get where they must not: to services of ours, by every notation, by
// redirects and by names that lie; or to stay there for ever.
import type { NetworkRule } from "@hookbus/schemas";
import { watString } from "../../support/wat-parts.js";
import { type Attack, sawNothing } from "../attack.js";
import { hostileModule } from "../hostile-module.js";
import { CANARY, type OutsideWorld } from "../outside-world.js";

const ADDRESS =
	"only public addresses are connected to, whatever was granted; the address that was checked is the one that is used";
const GRANT = "host, port, method and path must have been granted, for every hop";
const BOUNDS = "requests end with the plugin's time, and are limited in size and number";

/** Sends these requests one after the other, and says what it saw when one was answered. */
function sending(requests: readonly object[]): Promise<Uint8Array> {
	const texts = requests.map((request) => JSON.stringify({ method: "GET", headers: {}, ...request }));
	let at = 1_024;
	const sends = texts.map((text) => {
		const length = Buffer.byteLength(text);
		const send = `(drop (call $http_request (call $block (i32.const ${at}) (i32.const ${length})) (i64.const 0)))`;
		at += length;
		return send;
	});
	return hostileModule({
		hook: `${sends.join("\n")} (if (call $http_status_code) (then (call $say_seen)) (else (call $continue)))`,
		fields: `(memory 4) (data (i32.const 1024) ${watString(texts.join(""))})`,
	});
}

const anywhere = (world: OutsideWorld): NetworkRule[] => {
	const hosts = [
		"127.0.0.1",
		"169.254.169.254",
		"10.0.0.1",
		"inside.example.org",
		"mixed.example.org",
		"rebinding.example.org",
		"metadata.example.org",
		"private.example.org",
	];
	const rules = hosts.map((host): NetworkRule => ({ host, scheme: "http", port: world.privatePort }));
	return [...rules, { host: "127.0.1.1", scheme: "http", port: world.sitePort, methods: ["GET", "POST"] }];
};

const granted = (network: (world: OutsideWorld) => NetworkRule[], limits = {}) => {
	return (world: OutsideWorld) => ({ grants: ["read_messages", "network_access"] as const, network: network(world), limits });
};

/** To an address that is granted as it stands there, and is private. */
const toPrivate = (id: string, host: string, more: Partial<Attack> = {}): Attack => ({
	id: `http-granted-${id}`,
	tries: `was granted ${host}, which leads to a service on the runtime's own machine or network`,
	stoppedBy: ADDRESS,
	module: (world) => sending([{ url: `http://${host}:${world.privatePort}/` }]),
	plugin: granted(anywhere),
	outcome: "denied",
	...more,
});

const byRedirect = (path: string, why: string): Attack => ({
	id: `http-redirect${path.replaceAll("/", "-")}`,
	tries: `asks a granted site that redirects ${why}`,
	stoppedBy: `${GRANT}; ${ADDRESS}`,
	module: (world) => sending([{ url: `http://127.0.1.1:${world.sitePort}${path}` }]),
	plugin: granted(anywhere),
	outcome: "denied",
});

const onSite = (
	id: string,
	tries: string,
	requests: (url: string) => readonly object[],
	outcome: Attack["outcome"],
	more: Partial<Attack> = {},
): Attack => ({
	id,
	tries,
	stoppedBy: BOUNDS,
	module: (world) => sending(requests(`http://127.0.1.1:${world.sitePort}`)),
	plugin: granted(anywhere),
	outcome,
	...more,
});

export const NETWORK: readonly Attack[] = [
	toPrivate("loopback", "127.0.0.1", { error: /not public|this machine/ }),
	toPrivate("decimal", "2130706433"),
	toPrivate("hex", "0x7f.0.0.1"),
	toPrivate("octal", "0177.0.0.1"),
	toPrivate("short", "127.1"),
	toPrivate("zero", "0"),
	toPrivate("ipv6", "[::1]"),
	toPrivate("mapped-ipv6", "[::ffff:127.0.0.1]"),
	toPrivate("metadata", "169.254.169.254"),
	toPrivate("private-range", "10.0.0.1"),
	toPrivate("name", "inside.example.org"),
	toPrivate("mixed-names", "mixed.example.org"),
	toPrivate("metadata-name", "metadata.example.org"),
	toPrivate("private-name", "private.example.org"),
	toPrivate("wide-digits", "１２７.０.０.１"),
	{
		...toPrivate("rebinding", "rebinding.example.org"),
		tries: "asks twice for a name that is public the first time and leads to the runtime's machine the second time",
		module: (world) => {
			const url = `http://rebinding.example.org:${world.privatePort}/`;
			return sending([{ url }, { url }]);
		},
		texts: ["one event"],
	},
	byRedirect("/to-loopback", "to 127.0.0.1"),
	byRedirect("/to-loopback-6", "to [::1]"),
	byRedirect("/to-decimal", "to 127.0.0.1 as one number"),
	byRedirect("/to-inside-name", "to a name that leads to 127.0.0.1"),
	byRedirect("/to-elsewhere", "to a port that was not granted"),
	byRedirect("/to-file", "to a file"),
	onSite("http-redirect-round", "asks a site that redirects to itself for ever", (url) => [{ url: `${url}/round` }], "ok", {
		looksAt: sawNothing,
	}),
	onSite("http-other-method", "sends DELETE where GET and POST were granted", (url) => [{ url, method: "DELETE" }], "denied"),
	onSite("http-connect", "sends CONNECT to get a tunnel", (url) => [{ url, method: "CONNECT" }], "denied"),
	onSite(
		"http-credentials",
		"hides the host behind credentials",
		(url) => [{ url: url.replace("//", "//127.0.1.1@") }],
		"denied",
	),
	onSite(
		"http-header-injection",
		"ends a header with line breaks to send a second request",
		(url) => {
			return [{ url, headers: { "x-a": "b\r\n\r\nGET /admin HTTP/1.1" } }];
		},
		"guest_error",
	),
	onSite("http-slow-headers", "asks a site that never answers", (url) => [{ url: `${url}/slow-headers` }], "timeout"),
	onSite("http-slow-body", "asks a site that never ends its answer", (url) => [{ url: `${url}/slow-body` }], "timeout"),
	onSite("http-endless-body", "asks a site that sends as much as anybody takes", (url) => [{ url: `${url}/endless` }], "ok", {
		looksAt: sawNothing,
		plugin: granted(anywhere, { timeoutMs: 2_000 }),
	}),
	onSite(
		"http-flood",
		"sends a hundred requests for one event",
		(url) => Array.from({ length: 100 }, () => ({ url })),
		"denied",
		{ plugin: granted(anywhere, { timeoutMs: 2_000 }) },
	),
	{
		id: "http-residue",
		tries: "looks for status and headers of a response that an earlier call got",
		stoppedBy: "every call begins without a response",
		module: (world) =>
			hostileModule({
				hook: `(i64.or (i64.extend_i32_u (call $http_status_code)) (call $http_headers))
					(drop (call $http_request (call $data_block) (i64.const 0)))
					(i64.ne (i64.const 0)) (if (then (call $say_seen)) (else (call $continue)))
					(if (i32.ne (call $http_status_code) (i32.const 200)) (then (unreachable)))`,
				data: JSON.stringify({ url: `http://127.0.1.1:${world.sitePort}/`, method: "GET", headers: {} }),
			}),
		plugin: granted(anywhere, { timeoutMs: 2_000 }),
		outcome: "ok",
		looksAt: sawNothing,
		texts: ["first", "second", "third"],
	},
	{
		id: "http-path-escape",
		tries: "was granted /open and asks for /open/%2e%2e/echo",
		stoppedBy: GRANT,
		module: (world) => sending([{ url: `http://127.0.1.1:${world.sitePort}/open/%2e%2e/echo` }]),
		plugin: granted((world) => [{ host: "127.0.1.1", scheme: "http", port: world.sitePort, path: "/open" }]),
		outcome: "denied",
	},
	{
		id: "http-secret-echo",
		tries: "asks a site that sends back the secret that the host put into the request",
		stoppedBy: "what a response repeats of the plugin's secrets is masked",
		module: (world) => {
			const request = JSON.stringify({ url: `http://127.0.1.1:${world.sitePort}/echo`, method: "GET", headers: {} });
			// Looks for the canary's first eight bytes anywhere in the response.
			const head = Buffer.from(CANARY).readBigUInt64LE();
			return hostileModule({
				hook: `(local $length i64)
					(local.set $a (call $http_request (call $data_block) (i64.const 0)))
					(local.set $length (call $length (local.get $a)))
					(block $end (loop $next
						(br_if $end (i64.gt_u (i64.add (i64.extend_i32_u (local.get $i)) (i64.const 8)) (local.get $length)))
						(if (i64.eq (call $load_u64 (i64.add (local.get $a) (i64.extend_i32_u (local.get $i)))) (i64.const ${head}))
							(then (call $say_seen) (return (i32.const 0))))
						(local.set $i (i32.add (local.get $i) (i32.const 1)))
						(br $next)))
					(call $continue)`,
				data: request,
			});
		},
		plugin: (world) => ({
			grants: ["read_messages", "network_access"],
			network: [
				{
					host: "127.0.1.1",
					scheme: "http",
					port: world.sitePort,
					secrets: [{ secret: "token", header: "authorization", prefix: "Bearer " }],
				},
			],
			secrets: { token: CANARY },
		}),
		outcome: "ok",
		looksAt: sawNothing,
	},
];
