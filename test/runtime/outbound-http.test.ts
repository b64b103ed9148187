// What plugins may send over HTTP, and what is sent: rules, limits, headers, secrets, redirects, TLS. Where they may send it to is in
// outbound-http-addresses.test.ts, how long it may take in outbound-http-time.test.ts.
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { resolve } from "node:path";
import { createHttpFunction } from "@hookbus/runtime";
import type { NetworkRule } from "@hookbus/schemas";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/free-port.js";
import { bodyOf, pluginRequests, refusalOf, rightsTo } from "../support/plugin-requests.js";
import { type StartedDns, startDns } from "../support/start-dns.js";
import { type StartedSite, startListener, startSite } from "../support/start-listener.js";

/** Answers with everything that it was sent, in its body and in a header. */
const echo: RequestListener = (request, response) => {
	response.setHeader("x-echo", `${request.headers.authorization ?? ""} ${request.url ?? ""}`);
	response.end(JSON.stringify({ url: request.url, headers: request.headers }));
};

let site: StartedSite;
let other: StartedSite;
/** Every name below example.com is `site`, every name below example.org is `other`. */
let dns: StartedDns;

beforeAll(async () => {
	site = await startSite("127.0.1.1", echo);
	other = await startSite("127.0.1.2", echo);
	dns = await startDns(({ name, type }) =>
		type === "A" ? [{ type, value: name.endsWith("example.org") ? "127.0.1.2" : "127.0.1.1" }] : [],
	);
});

function rule(more: Partial<NetworkRule> = {}): NetworkRule {
	return { host: "api.example.com", scheme: "http", port: site.port, ...more };
}

function send(...[request, rights]: Parameters<ReturnType<typeof pluginRequests>>) {
	return pluginRequests({ dnsServers: [dns.server] })(request, rights);
}

const at = (path: string, host = "api.example.com") => `http://${host}:${site.port}${path}`;

describe("a rule", () => {
	test("HP-20 a host that was not granted is denied, by name; the call after it is answered", async () => {
		const rights = rightsTo([rule()]);
		expect(await refusalOf(send({ url: at("/a/b?key=hidden", "evil.example.com") }, rights))).toEqual({
			outcome: "denied",
			message: `http_request: GET http://evil.example.com:${site.port}/a/b is not allowed: the plugin was granted GET http://api.example.com:${site.port}/`,
		});
		expect(await send({ url: at("/a") }, rights)).toMatchObject({ status: 200 });
	});

	test.each<[string, Partial<NetworkRule>, string, string]>([
		["another method", {}, "POST", "/"],
		["a name below it", {}, "GET", "//sub.api.example.com:PORT/"],
		["the name above it", {}, "GET", "//example.com:PORT/"],
		["a name that ends like it", {}, "GET", "//notapi.example.com:PORT/"],
		["a name that begins like it", {}, "GET", "//api.example.com.evil.example:PORT/"],
		["another port", {}, "GET", "//api.example.com:1/"],
		["the scheme's port", {}, "GET", "//api.example.com/"],
		["another scheme", { scheme: "https" }, "GET", "/"],
		["the default scheme", { scheme: undefined as never }, "GET", "/"],
		["what *. stands before", { host: "*.example.com" }, "GET", "//example.com:PORT/"],
		["a name that ends like *.", { host: "*.example.com" }, "GET", "//evilexample.com:PORT/"],
		["an address that ends like *.", { host: "*.0.1.1" }, "GET", "//127.0.1.1:PORT/"],
		["a longer segment", { path: "/v1" }, "GET", "/v10"],
		["the path above", { path: "/v1/users" }, "GET", "/v1"],
		["other letters", { path: "/v1" }, "GET", "/V1"],
		["the path itself, where the rule ends with a slash", { path: "/v1/" }, "GET", "/v1"],
		["a way up", { path: "/v1" }, "GET", "/v1/../admin"],
		["a way up, encoded", { path: "/v1" }, "GET", "/v1/%2e%2e/admin"],
		["a way up, slash encoded", { path: "/v1" }, "GET", "/v1/..%2fadmin"],
		["a way up, all encoded", { path: "/v1" }, "GET", "/v1/%2e%2e%2fadmin"],
		["a way up, encoded twice", { path: "/v1" }, "GET", "/v1/%252e%252e%252fadmin"],
		["a way up, encoded many times", { path: "/v1" }, "GET", "/v1/%25252525252e%25252525252e/admin"],
		["a way up with backslashes", { path: "/v1" }, "GET", "/v1\\..\\admin"],
		["a way up with encoded backslashes", { path: "/v1" }, "GET", "/v1/..%5cadmin"],
		["a way up with a parameter", { path: "/v1" }, "GET", "/v1/..;x=1/admin"],
		["a way up that is no UTF-8", { path: "/v1" }, "GET", "/v1/%c0%ae%c0%ae/admin"],
		["a boundary that is encoded", { path: "/v1" }, "GET", "/v1%2fadmin"],
	])("does not allow %s", async (_, more, method, target) => {
		const before = site.requests.length;
		const url = target.startsWith("//") ? `http:${target.replace("PORT", String(site.port))}` : at(target);
		expect(await refusalOf(send({ method, url }, rightsTo([rule(more)])))).toMatchObject({ outcome: "denied" });
		expect(site.requests.length).toBe(before);
	});

	test.each<[string, Partial<NetworkRule>, string, string]>([
		["its host in capitals", {}, "GET", "//API.Example.COM:PORT/"],
		["its host with a dot at the end", {}, "GET", "//api.example.com.:PORT/"],
		["a name below *.", { host: "*.example.com" }, "GET", "//a.b.example.com:PORT/"],
		["an address", { host: "127.0.1.1" }, "GET", "//127.0.1.1:PORT/"],
		["an address in another notation", { host: "127.0.1.1" }, "GET", "//0x7f.257:PORT/"],
		["each of its methods", { methods: ["PUT", "DELETE"] }, "DELETE", "/"],
		["a method in small letters", { methods: ["PUT"] }, "put", "/"],
		["its path", { path: "/v1" }, "GET", "/v1?a=/../.."],
		["a path below it", { path: "/v1" }, "GET", "/v1/users/%C3%A9/100%25"],
		["a path below it, by a detour", { path: "/v1" }, "GET", "/x/../v1/users"],
		["a path below it, where the rule ends with a slash", { path: "/v1/" }, "GET", "/v1/users"],
		["any path, where it names none", {}, "GET", "/v1/..%2fadmin"],
	])("allows %s", async (_, more, method, target) => {
		const url = target.startsWith("//") ? `http:${target.replace("PORT", String(site.port))}` : at(target);
		expect(await send({ method, url }, rightsTo([rule(more)]))).toMatchObject({ status: 200 });
	});

	test("does not allow a host beyond those of the deployment", async () => {
		const within = (hosts: readonly string[]) => pluginRequests({ hosts, dnsServers: [dns.server] });
		const rights = rightsTo([rule({ host: "*.example.com" })]);
		expect(await within(["*.example.com"])({ url: at("/") }, rights)).toMatchObject({ status: 200 });
		expect(await within(["api.example.com", "x.example"])({ url: at("/") }, rights)).toMatchObject({ status: 200 });
		expect(await refusalOf(within(["x.example", "*.y.example"])({ url: at("/") }, rights))).toEqual({
			outcome: "denied",
			message: `http_request: GET http://api.example.com:${site.port}/ is not allowed: this deployment lets plugins reach x.example, *.y.example`,
		});
		expect(await refusalOf(within([])({ url: at("/") }, rights))).toMatchObject({
			message: expect.stringMatching(/reach nothing$/),
		});
	});

	test("FZ-07 no path that a server could read as leading out is below a rule's path", () => {
		const http = createHttpFunction({ allowedRanges: [], hosts: ["*"], dnsServers: [] });
		const rights = rightsTo([rule({ path: "/v1" })]);
		const pieces = ["/v1", "/", "..", ".", "%2e", "%2E", "%2f", "%5c", "\\", "%25", "2e", "2f", ";", "a", "%c0%ae", "\t"];
		let allowed = 0;
		fc.assert(
			fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
				const url = at(`/v1/${parts.join("")}`);
				let path: string;
				try {
					path = http.prepare({ type: "http_request", method: "GET", url, headers: {}, body: undefined }, rights).url.pathname;
				} catch {
					return true;
				}
				allowed += 1;
				return readings(path).every((reading) => reading[0] === "v1");
			}),
			{ numRuns: 20_000, seed: 7 },
		);
		expect(allowed).toBeGreaterThan(1_000);
	});
});

/** The segments of a path, as servers read it that decode it 0 to 4 times, merge slashes and cut parameters off. */
function readings(path: string): string[][] {
	const texts = [path];
	for (let times = 0; times < 4; times += 1) {
		texts.push(
			(texts.at(-1) ?? "").replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
		);
	}
	return texts.map((text) => {
		const segments: string[] = [];
		for (const part of text.split(/[/\\]+/).map((segment) => segment.replace(/;.*$/, ""))) {
			if (part === "..") segments.pop();
			else if (part !== "." && part !== "") segments.push(part);
		}
		return segments;
	});
}

describe("a request", () => {
	test.each([
		["CONNECT", "denied"],
		["TRACE", "denied"],
		["GET / HTTP/1.1\r\nX: y", "denied"],
		["", "denied"],
	])("HP-26 with the method %j is denied", async (method, outcome) => {
		expect(await refusalOf(send({ method, url: at("/") }, rightsTo([rule()])))).toMatchObject({ outcome });
	});

	test.each<[string, Record<string, string>]>([
		["a line break in a value", { "x-a": "b\r\nhost: evil.example" }],
		["a line feed in a value", { "x-a": "b\nc" }],
		["a NUL in a value", { "x-a": "b\0" }],
		["a line break in a name", { "x-a\r\nhost": "b" }],
		["a space in a name", { "x a": "b" }],
		["no name", { "": "b" }],
		["characters beyond bytes", { "x-a": "☃" }],
		["65 headers", Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`x-${index}`, ""]))],
		["headers of 16 KiB and more", { "x-a": "b".repeat(16 * 1024) }],
	])("HP-26 with %s is the plugin's mistake", async (_, headers) => {
		const before = site.requests.length;
		expect(await refusalOf(send({ url: at("/"), headers }, rightsTo([rule()])))).toMatchObject({ outcome: "guest_error" });
		expect(site.requests.length).toBe(before);
	});

	test("is looked at by its size before its headers are read or its rights are", async () => {
		const headers = Object.defineProperties(
			{},
			Object.fromEntries(
				Array.from({ length: 65 }, (_, index) => [
					`x-${index}`,
					{
						enumerable: true,
						get: () => {
							throw new Error("a header was read");
						},
					},
				]),
			),
		);
		expect(await refusalOf(send({ url: at("/"), headers }, rightsTo([])))).toMatchObject({
			message: "http_request: the request has 65 headers; at most 64 are allowed",
		});
		expect(await refusalOf(send({ url: "/".repeat(5_000_000) }, rightsTo([])))).toMatchObject({
			message: "http_request: the URL has 5000000 bytes; at most 8192 are allowed",
		});
	});

	test("HP-26 with headers that are the host's goes without them", async () => {
		const headers = {
			Host: "evil.example",
			Connection: "keep-alive, x-kept",
			"Keep-Alive": "timeout=100",
			"Proxy-Authorization": "Basic abc",
			Proxy: "http://evil.example",
			TE: "trailers",
			Trailer: "x",
			"Transfer-Encoding": "chunked",
			Upgrade: "websocket",
			Expect: "100-continue",
			"Content-Length": "3",
			"Accept-Encoding": "gzip",
			"X-Kept": "a",
			"x-kept": "b",
			Cookie: "c=1",
			Authorization: "Bearer mine",
			["__proto__"]: "own",
		};
		const body = Buffer.from("GET /second HTTP/1.1\r\nhost: x\r\n\r\n");
		await send({ method: "POST", url: at("/headers"), headers, body }, rightsTo([rule({ methods: ["POST"] })]));
		expect(site.requests.at(-1)).toEqual({
			method: "POST",
			url: "/headers",
			body: body.toString(),
			headers: {
				host: `api.example.com:${site.port}`,
				connection: "close",
				"content-length": String(body.length),
				"accept-encoding": "identity",
				"user-agent": "hookbus",
				"x-kept": "a, b",
				cookie: "c=1",
				authorization: "Bearer mine",
			},
		});
	});

	test("says how long its body is, with every method", async () => {
		const rights = rightsTo([rule({ methods: ["GET", "POST", "HEAD"] })]);
		await send({ method: "GET", url: at("/get"), body: Buffer.from("of a GET"), headers: { "User-Agent": "mine/1" } }, rights);
		expect(site.requests.at(-1)).toMatchObject({ body: "of a GET", headers: { "content-length": "8", "user-agent": "mine/1" } });
		await send({ method: "POST", url: at("/post") }, rights);
		expect(site.requests.at(-1)).toMatchObject({ body: "", headers: { "content-length": "0" } });
		const head = await send({ method: "HEAD", url: at("/head") }, rights);
		expect(head).toMatchObject({ status: 200, headers: { "x-echo": "/head" } });
		expect(bodyOf(head)).toBe("");
		expect(site.requests.at(-1)?.headers).not.toHaveProperty("content-length");
	});

	test("HP-26 has at most 1 MiB of body and 8 KiB of URL", async () => {
		const rights = rightsTo([rule({ methods: ["POST"] })]);
		const post = (bytes: number) => send({ method: "POST", url: at("/"), body: new Uint8Array(bytes) }, rights);
		expect(await post(1024 * 1024)).toMatchObject({ status: 200 });
		for (const bytes of [1024 * 1024 + 1, 10 * 1024 * 1024]) {
			expect(await refusalOf(post(bytes))).toEqual({
				outcome: "guest_error",
				message: `http_request: the body has ${bytes} bytes; at most 1048576 are allowed`,
			});
		}
		const long = (path: string) => refusalOf(send({ url: at(path) }, rightsTo([rule()])));
		expect(await long(`/${"a".repeat(8 * 1024)}`)).toMatchObject({
			outcome: "guest_error",
			message: expect.stringContaining("8192"),
		});
		// Three times as long when it is written as a URL.
		expect(await long(`/${" ".repeat(4 * 1024)}x`)).toMatchObject({ outcome: "guest_error" });
	});

	test("to a URL that is none, or with credentials, is refused and the URL is not shown", async () => {
		for (const [url, outcome] of [
			["secret-in-text", "guest_error"],
			["http://", "guest_error"],
			["//api.example.com/", "guest_error"],
			[`http://user:secret-in-text@api.example.com:${site.port}/`, "denied"],
			[`http://secret-in-text@api.example.com:${site.port}/`, "denied"],
		] as const) {
			const refusal = await refusalOf(send({ url }, rightsTo([rule()])));
			expect(refusal, url).toMatchObject({ outcome });
			expect(refusal.message).not.toContain("secret-in-text");
		}
	});

	test("that nobody answers has status 0 and a reason", async () => {
		const lost = await startDns(() => []);
		const broken = await startListener("127.0.1.1", (socket) => socket.destroy());
		const noHttp = await startListener("127.0.1.1", (socket) => socket.end("SSH-2.0-x\r\n"));
		const upgrading = await startListener("127.0.1.1", (socket) => {
			socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
		});
		const half = await startListener("127.0.1.1", (socket) => {
			socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
		});
		const reasonAt = async (port: number) => {
			const response = await send({ url: `http://api.example.com:${port}/` }, rightsTo([rule({ port })]));
			expect(response).toMatchObject({ status: 0, headers: {} });
			return response.reason;
		};
		expect(await reasonAt(await freePort())).toBe("no connection to api.example.com: ECONNREFUSED");
		expect(await reasonAt(broken.port)).toBe("api.example.com gave no whole response: ECONNRESET");
		expect(await reasonAt(half.port)).toBe("api.example.com gave no whole response: ECONNRESET");
		expect(await reasonAt(upgrading.port)).toBe("api.example.com gave no whole response: ECONNRESET");
		expect(await reasonAt(noHttp.port)).toMatch(/^api\.example\.com gave no whole response: HPE_/);
		expect(await pluginRequests({ dnsServers: [lost.server] })({ url: at("/") }, rightsTo([rule()]))).toMatchObject({
			status: 0,
			reason: "api.example.com does not resolve: ENOTFOUND",
		});
		for (const host of ["a!b.example.com", `${"a".repeat(64)}.example.com`]) {
			const response = await send({ url: at("/", host) }, rightsTo([rule({ host: "*.example.com" })]));
			expect(response).toMatchObject({ status: 0, reason: `${host} is no name of a host` });
		}
	});

	test("is answered with all headers: names in small letters, values of one name joined", async () => {
		const many = await startSite("127.0.1.1", (_, response) => {
			response.writeHead(
				418,
				[
					["X-Many", "1"],
					["x-many", "2"],
					["Set-Cookie", "a=1"],
					["Set-Cookie", "b=2"],
					["__proto__", "own"],
				].flat(),
			);
			response.end(Buffer.from([0, 255, 1]));
		});
		const response = await send({ url: `http://api.example.com:${many.port}/` }, rightsTo([rule({ port: many.port })]));
		expect(response.status).toBe(418);
		expect(response.headers).toMatchObject({ "x-many": "1, 2", "set-cookie": "a=1, b=2" });
		expect(Object.hasOwn(response.headers, "__proto__")).toBe(true);
		expect([...response.body]).toEqual([0, 255, 1]);
		expect(response).not.toHaveProperty("reason");
	});
});

describe("a secret", () => {
	const SECRET = 'sk-l/ve "4711"+x';
	const bearer: NetworkRule["secrets"] = [{ secret: "api_key", header: "Authorization", prefix: "Bearer " }];
	const inQuery: NetworkRule["secrets"] = [{ secret: "api_key", query: "key" }];

	test("HP-26 is put in by the host, whatever the plugin puts in its place", async () => {
		const secrets = [...(bearer ?? []), ...(inQuery ?? [])];
		const url = at("/v1?KEY=kept&key=mine&a=b%20c&k%65y=mine&key&signed=a+b");
		await send(
			{ url, headers: { authorization: "mine", AUTHORIZATION: "mine too" } },
			rightsTo([rule({ secrets })], { api_key: SECRET }),
		);
		expect(site.requests.at(-1)).toMatchObject({
			url: `/v1?KEY=kept&a=b%20c&signed=a+b&key=${encodeURIComponent(SECRET)}`,
			headers: { authorization: `Bearer ${SECRET}` },
		});
	});

	test("that is in a response more than 1,000 times leaves no response", async () => {
		const showing = await startSite("127.0.1.3", (request, response) =>
			response.end("aaaa".repeat(Number(request.url?.slice(1)))),
		);
		const placed = { secret: "key", header: "x-key" };
		const rights = rightsTo([{ host: "127.0.1.3", scheme: "http", port: showing.port, secrets: [placed] }], { key: "aaaa" });
		const show = (times: number) => pluginRequests()({ url: `http://127.0.1.3:${showing.port}/${times}` }, rights);
		expect(await show(256 * 1024)).toMatchObject({
			status: 0,
			reason: "the response has a secret of the plugin more than 1000 times",
		});
		expect(bodyOf(await show(200))).toBe("*".repeat(800));
	});

	test("is not in what the plugin gets: each of its bytes is a star, in headers and body", async () => {
		const rights = rightsTo([rule({ secrets: bearer }), rule({ host: "query.example.com", secrets: inQuery })], {
			api_key: SECRET,
		});
		const inHeader = await send({ url: at("/echo") }, rights);
		expect(inHeader.headers["x-echo"]).toBe(`Bearer ${"*".repeat(SECRET.length)} /echo`);
		const written = JSON.stringify(SECRET).slice(1, -1);
		expect(bodyOf(inHeader)).toContain(`"authorization":"Bearer ${"*".repeat(written.length)}"`);
		const query = await send({ url: at("/echo?a=b", "query.example.com") }, rights);
		expect(query.headers["x-echo"]).toBe(`/echo?a=b&key=${"*".repeat(encodeURIComponent(SECRET).length)}`);
		for (const response of [inHeader, query]) {
			expect(JSON.stringify(response.headers) + bodyOf(response)).not.toContain("4711");
			expect(response.headers["content-length"]).toBe(String(response.body.length));
		}
	});

	test("is masked where it overlaps itself and other secrets, and wherever any rule could have put it", async () => {
		const text = "aXbXbXbXa 012345678 unrelated";
		const echoing = await startSite("127.0.1.1", (_, response) => response.end(text));
		const rules = [
			rule({ port: echoing.port }),
			rule({ host: "elsewhere.example", secrets: ["one", "two", "three"].map((secret) => ({ secret, header: "x-a" })) }),
		];
		const secrets = { one: "bXbX", two: "01234", three: "345678", four: "unrelated" };
		const response = await send({ url: `http://api.example.com:${echoing.port}/` }, rightsTo(rules, secrets));
		expect(bodyOf(response)).toBe("aX******a ********* unrelated");
	});

	test("is taken as bytes: beyond ASCII in both encodings", async () => {
		const secret = "geheimnis-äöü";
		const echoing = await startSite("127.0.1.1", (request, response) => {
			const sent = Buffer.from(request.headers["x-key"] as string, "latin1");
			response.end(Buffer.concat([sent, Buffer.from("|"), Buffer.from(secret, "utf8")]));
		});
		const placed = rule({ port: echoing.port, secrets: [{ secret: "k", header: "x-key" }] });
		const response = await send({ url: `http://api.example.com:${echoing.port}/` }, rightsTo([placed], { k: secret }));
		expect(bodyOf(response)).toBe(`${"*".repeat(13)}|${"*".repeat(16)}`);
	});

	test("that is not set, or that cannot be where its rule puts it, is named by its field", async () => {
		const before = site.requests.length;
		for (const [secrets, message] of [
			[{}, "it needs the secret api_key; set api_key in the plugin's configuration"],
			[{ api_key: "" }, "it needs the secret api_key; set api_key in the plugin's configuration"],
			[{ api_key: "line\nbreak" }, "the secret api_key has characters that the header Authorization cannot carry"],
		] as const) {
			const refusal = await refusalOf(send({ url: at("/v1") }, rightsTo([rule({ secrets: bearer })], secrets)));
			expect(refusal.outcome).toBe("denied");
			expect(refusal.message).toContain(`GET http://api.example.com:${site.port}/v1 is not allowed: ${message}`);
			expect(refusal.message).not.toContain("line\nbreak");
		}
		for (const header of ["Host", "transfer-encoding", "Proxy-Authorization"]) {
			const placed = rule({ secrets: [{ secret: "api_key", header }] });
			expect(await refusalOf(send({ url: at("/") }, rightsTo([placed], { api_key: "chunked" })))).toMatchObject({
				outcome: "denied",
				message: expect.stringContaining(`puts the secret api_key into the header ${header}, which is the host's own`),
			});
		}
		const inherited = rule({ secrets: [{ secret: "constructor", header: "x-a" }] });
		expect(await refusalOf(send({ url: at("/") }, rightsTo([inherited])))).toMatchObject({ outcome: "denied" });
		expect(site.requests.length).toBe(before);
	});

	test("HP-22 does not go on to another rule with a redirect, in no form, and no error shows it", async () => {
		const locations = [
			(secret: string) => `/echo?key=${encodeURIComponent(secret)}`,
			(secret: string) => `/echo?key=${new URLSearchParams({ k: secret }).toString().slice(2)}`,
			(secret: string) => `/echo/${encodeURIComponent(secret)}`,
			// Encoded in a way that nobody would expect.
			(secret: string) => `/echo?key=${[...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join("")}`,
			(secret: string) => `/echo?key=${encodeURIComponent(secret).toLowerCase()}`,
		];
		for (const location of locations) {
			const redirecting = await startSite("127.0.1.1", (request, response) => {
				const secret = request.headers.authorization?.slice("Bearer ".length) ?? "";
				response.writeHead(302, { location: `http://b.example.org:${other.port}${location(secret)}` }).end();
			});
			const before = other.requests.length;
			const rules = [rule({ port: redirecting.port, secrets: bearer }), rule({ host: "b.example.org", port: other.port })];
			const url = `http://api.example.com:${redirecting.port}/`;
			const ended = await send({ url }, rightsTo(rules, { api_key: SECRET })).catch((thrown: unknown) => thrown);
			expect(ended instanceof Error ? ended.message : JSON.stringify(ended)).not.toContain("4711");
			const received = JSON.stringify(other.requests.slice(before));
			for (const form of [SECRET, "4711", "%34%37%31%31", "Bearer"]) expect(received).not.toContain(form);

			const denied = rightsTo([rule({ port: redirecting.port, secrets: bearer })], { api_key: SECRET });
			const refusal = await refusalOf(send({ url }, denied));
			expect(refusal.outcome).toBe("denied");
			for (const form of ["4711", "%34%37%31%31"]) expect(refusal.message).not.toContain(form);
		}
	});

	test("goes along with a redirect that its rule allows", async () => {
		const moved = await startSite("127.0.1.1", (request, response) => {
			if (request.url?.startsWith("/old")) response.writeHead(308, { location: (request.url ?? "").replace("old", "new") }).end();
			else response.end(request.headers.authorization === `Bearer ${SECRET}` ? request.url : "no secret");
		});
		const placed = rule({ port: moved.port, secrets: [...(bearer ?? []), ...(inQuery ?? [])] });
		const response = await send({ url: `http://api.example.com:${moved.port}/old?a=b` }, rightsTo([placed], { api_key: SECRET }));
		expect(moved.requests.at(-1)?.url).toBe(`/new?a=b&key=${encodeURIComponent(SECRET)}`);
		expect(bodyOf(response)).toBe(`/new?a=b&key=${"*".repeat(encodeURIComponent(SECRET).length)}`);
	});
});

describe("HP-22 a redirect", () => {
	/** Answers /<status>/<url> with a redirect to the URL. */
	let redirecting: StartedSite;
	beforeAll(async () => {
		redirecting = await startSite("127.0.1.1", (request, response) => {
			const [, status, location] = /^\/(\d+)\/(.*)$/.exec(request.url ?? "") ?? [];
			response.writeHead(Number(status), { location: decodeURIComponent(location ?? "") }).end("moved");
		});
	});
	const via = (status: number, location: string) =>
		`http://api.example.com:${redirecting.port}/${status}/${encodeURIComponent(location)}`;
	const methods: NetworkRule["methods"] = ["GET", "HEAD", "POST", "PUT"];
	const toBoth = () => [rule({ port: redirecting.port, methods }), rule({ host: "b.example.org", port: other.port, methods })];
	const onward = () => `http://b.example.org:${other.port}/end`;

	test.each([
		[301, "GET", "GET"],
		[302, "GET", "GET"],
		[303, "GET", "GET"],
		[307, "GET", "GET"],
		[308, "GET", "GET"],
		[301, "POST", "GET"],
		[302, "POST", "GET"],
		[303, "POST", "GET"],
		[307, "POST", "POST"],
		[308, "POST", "POST"],
		[301, "PUT", "PUT"],
		[303, "PUT", "GET"],
		[303, "HEAD", "HEAD"],
	])("%i of a %s is followed with %s", async (status, method, followed) => {
		const hasBody = method === "POST" || method === "PUT";
		const headers = {
			authorization: "mine",
			cookie: "a=1",
			"x-kept": "yes",
			...(hasBody ? { "content-type": "text/plain" } : {}),
		};
		const body = hasBody ? Buffer.from("the body") : undefined;
		const response = await send({ method, url: via(status, onward()), headers, body }, rightsTo(toBoth()));
		expect(response.status).toBe(200);
		const received = other.requests.at(-1);
		expect(received).toMatchObject({ method: followed, url: "/end", body: followed === method && hasBody ? "the body" : "" });
		expect(received?.headers).toMatchObject({ host: `b.example.org:${other.port}`, "x-kept": "yes" });
		expect(received?.headers).not.toHaveProperty("authorization");
		expect(received?.headers).not.toHaveProperty("cookie");
		expect(received?.headers["content-type"]).toBe(followed === method && hasBody ? "text/plain" : undefined);
	});

	test("to a host without a rule is denied and names the host", async () => {
		const before = other.connections;
		const refusal = await refusalOf(send({ url: via(302, onward()) }, rightsTo([rule({ port: redirecting.port })])));
		expect(refusal.outcome).toBe("denied");
		expect(refusal.message).toContain(`GET http://b.example.org:${other.port}/end is not allowed`);
		expect(other.connections).toBe(before);
	});

	test("to another path, method, scheme or port without a rule is denied as well", async () => {
		const here = `http://api.example.com:${redirecting.port}`;
		const narrow = rightsTo([rule({ port: redirecting.port, path: "/302" }), rule({ scheme: "https", host: "b.example.org" })]);
		for (const location of [
			`${here}/admin`,
			"//b.example.org/",
			"http://b.example.org:443/",
			"file:///etc/passwd",
			"ftp://b.example.org/",
		]) {
			expect(await refusalOf(send({ url: via(302, location) }, narrow)), location).toMatchObject({ outcome: "denied" });
		}
		const posting = rightsTo([rule({ port: redirecting.port, methods: ["POST"] })]);
		expect(await refusalOf(send({ method: "POST", url: via(303, onward()) }, posting))).toMatchObject({ outcome: "denied" });
	});

	test("is followed 5 times, not 6 times, and never without end", async () => {
		let left = 0;
		const chain = await startSite("127.0.1.1", (_, response) => {
			left -= 1;
			if (left >= 0) response.writeHead(302, { location: `/${left}` });
			response.end("here");
		});
		const follow = (times: number) => {
			left = times;
			return send({ url: `http://api.example.com:${chain.port}/` }, rightsTo([rule({ port: chain.port })]));
		};
		expect(await follow(5)).toMatchObject({ status: 200 });
		for (const times of [6, 20, 1_000_000]) {
			const before = chain.requests.length;
			expect(await follow(times)).toMatchObject({ status: 0, reason: "api.example.com redirects more than 5 times" });
			expect(chain.requests.length - before).toBe(6);
		}
	});

	test("that leads nowhere, or is none, goes to the plugin", async () => {
		expect(await send({ url: via(302, "http://[") }, rightsTo([rule({ port: redirecting.port })]))).toMatchObject({
			status: 0,
			reason: "api.example.com redirects to what is no URL",
		});
		for (const status of [300, 304, 305, 399]) {
			expect(await send({ url: via(status, onward()) }, rightsTo(toBoth()))).toMatchObject({ status });
		}
		const bare = await startSite("127.0.1.1", (_, response) => response.writeHead(302).end("stay"));
		const response = await send({ url: `http://api.example.com:${bare.port}/` }, rightsTo([rule({ port: bare.port })]));
		expect([response.status, bodyOf(response)]).toEqual([302, "stay"]);
	});
});

describe("https", () => {
	const fixture = (name: string) => readFileSync(resolve(import.meta.dirname, "../fixtures/tls", name), "utf8");
	let secure: StartedSite;
	beforeAll(async () => {
		secure = await startSite("127.0.1.1", echo, { key: fixture("server-key.pem"), cert: fixture("server.pem") });
	});
	const get = (host: string, ca: readonly string[]) => {
		const rights = rightsTo([{ host, port: secure.port, secrets: [{ secret: "k", header: "x-key" }] }], { k: "secret-4711" });
		return pluginRequests({ dnsServers: [dns.server], ca })({ url: `https://${host}:${secure.port}/` }, rights);
	};

	test("works with a certificate of an authority of the deployment, for a name and for an address", async () => {
		for (const host of ["secure.example", "127.0.1.1"]) {
			expect(await get(host, [fixture("authority.pem")])).toMatchObject({ status: 200 });
			expect(secure.requests.at(-1)?.headers).toMatchObject({ host: `${host}:${secure.port}`, "x-key": "secret-4711" });
		}
	});

	test("sends nothing, no secret above all, to a server whose certificate is for another host or of nobody", async () => {
		const before = secure.requests.length;
		expect(await get("wrong.example", [fixture("authority.pem")])).toMatchObject({
			status: 0,
			reason: "no secure connection to wrong.example: ERR_TLS_CERT_ALTNAME_INVALID",
		});
		expect(await get("secure.example", [])).toMatchObject({
			status: 0,
			reason: "no secure connection to secure.example: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
		});
		expect(secure.requests.length).toBe(before);
	});

	test("fails where there is no TLS", async () => {
		const rights = rightsTo([rule({ scheme: "https" })]);
		expect(await send({ url: `https://api.example.com:${site.port}/` }, rights)).toMatchObject({
			status: 0,
			reason: expect.stringMatching(/^no secure connection to api\.example\.com: /),
		});
	});
});
