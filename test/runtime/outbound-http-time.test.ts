// How long a plugin's HTTP request may take, and how much may come back: nothing outlives the deadline, whatever a server does.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { NetworkRule } from "@hookbus/schemas";
import { describe, expect, test } from "vitest";
import { bodyOf, pluginRequests, refusalOf, rightsTo } from "../support/plugin-requests.js";
import { needsRealTime } from "../support/real-time.js";
import { startDns } from "../support/start-dns.js";
import { startListener, startSite } from "../support/start-listener.js";
import { waitFor } from "../support/wait-for.js";

const HOST = "127.0.1.1";
const DEADLINE_MS = 300;
const MIB = 1024 * 1024;

const send = (scheme: "http" | "https", { port }: { readonly port: number }, ms?: number, method = "GET") => {
	const rule: NetworkRule = { host: HOST, scheme, port, methods: ["GET", "POST"] };
	const body = method === "POST" ? new Uint8Array(MIB) : undefined;
	return pluginRequests()({ method, url: `${scheme}://${HOST}:${port}/path?key=hidden`, body }, rightsTo([rule]), ms);
};

/** Writes again and again, as fast as it is taken; until the socket is closed. */
function writeForEver(socket: Socket, start: string, text: string, everyMs = 0): void {
	socket.write(start);
	const write = () => {
		if (socket.destroyed) return;
		const taken = socket.write(text);
		if (everyMs > 0) setTimeout(write, everyMs);
		else if (taken) setImmediate(write);
		else socket.once("drain", write);
	};
	write();
}

describe("HP-25 a server that", () => {
	const HEAD = "HTTP/1.1 200 OK\r\n";
	test.each<[string, (socket: Socket) => void, { readonly scheme?: "http" | "https"; readonly method?: string }]>([
		["never answers", () => undefined, {}],
		["never shakes hands", () => undefined, { scheme: "https" }],
		["never reads", (socket) => setTimeout(() => socket.resume(), 2 * DEADLINE_MS) && socket.pause(), { method: "POST" }],
		["sends its headers slowly", (socket) => writeForEver(socket, HEAD, "x-a: b\r\n", 20), {}],
		["sends one header without end", (socket) => writeForEver(socket, `${HEAD}x-a: `, "b", 20), {}],
		["sends its body slowly", (socket) => writeForEver(socket, `${HEAD}content-length: 1000\r\n\r\n`, "b", 20), {}],
		["sends half of its body", (socket) => socket.write(`${HEAD}content-length: 1000\r\n\r\nhalf`), {}],
		["sends a body of no length slowly", (socket) => writeForEver(socket, `${HEAD}\r\n`, "b", 20), {}],
		[
			"sends its chunks slowly",
			(socket) => writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n`, "1\r\nb\r\n", 20),
			{},
		],
		["says 'continue' without end", (socket) => writeForEver(socket, "", "HTTP/1.1 100 Continue\r\n\r\n", 60), {}],
	])("%s is given up at the deadline", async (_, onConnection, { scheme = "http", method }) => {
		const server = await startListener(HOST, onConnection);
		const startedAt = performance.now();
		const refusal = await refusalOf(send(scheme, server, DEADLINE_MS, method));
		const took = performance.now() - startedAt;
		expect(refusal).toEqual({
			outcome: "timeout",
			message: `http_request: ${method ?? "GET"} ${scheme}://${HOST}:${server.port}/path was not done before the plugin's time was over`,
		});
		expect(took).toBeGreaterThan(DEADLINE_MS - 20);
		expect(took).toBeLessThan(DEADLINE_MS + 2_000);
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 2_000 });
		expect(server.connections).toBe(1);
	});

	test("takes longer than the plugin waits, gives no response and leaves the plugin its time", async () => {
		const server = await startListener(HOST, () => undefined);
		const startedAt = performance.now();
		const rule: NetworkRule = { host: HOST, scheme: "http", port: server.port };
		const response = await pluginRequests()({ url: `http://${HOST}:${server.port}/`, timeoutMs: 100 }, rightsTo([rule]), 20_000);
		expect(response).toMatchObject({ status: 0, reason: "no whole response within 100 ms" });
		expect(performance.now() - startedAt).toBeLessThan(10_000);
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 2_000 });
		const sooner = pluginRequests()({ url: `http://${HOST}:${server.port}/`, timeoutMs: 20_000 }, rightsTo([rule]), 100);
		expect((await refusalOf(sooner)).outcome).toBe("timeout");
	});

	test("has the connection closed within 100 ms of the deadline", async (context) => {
		needsRealTime(context);
		const server = await startListener(HOST, (socket) => writeForEver(socket, `${HEAD}\r\n`, "b", 20));
		await refusalOf(send("http", server, DEADLINE_MS));
		const endedAt = performance.now();
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 5_000, intervalMs: 1 });
		expect(performance.now() - endedAt).toBeLessThan(100);
	});

	test.each<[string, (socket: Socket) => void, string | RegExp]>([
		[
			"sends a body without end",
			(socket) => writeForEver(socket, `${HEAD}\r\n`, "b".repeat(16 * 1024)),
			`the response of ${HOST} has more than 1048576 bytes`,
		],
		[
			"sends a body of 1 MiB and a byte",
			(socket) => socket.end(`${HEAD}\r\n${"b".repeat(MIB + 1)}`),
			`the response of ${HOST} has more than 1048576 bytes`,
		],
		[
			"sends chunks without end",
			(socket) => writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n`, `400\r\n${"b".repeat(1024)}\r\n`),
			`the response of ${HOST} has more than 1048576 bytes`,
		],
		["sends 10,000 headers", (socket) => socket.write(`${HEAD}${"a: b\r\n".repeat(10_000)}\r\n`), /HPE_HEADER_OVERFLOW$/],
		[
			"sends 101 headers",
			(socket) => socket.write(`${HEAD}${"a: b\r\n".repeat(101)}\r\n`),
			`the response of ${HOST} has more than 100 headers`,
		],
		["sends a header without end", (socket) => writeForEver(socket, `${HEAD}a: `, "b".repeat(1024)), /HPE_HEADER_OVERFLOW$/],
		["sends headers without end", (socket) => writeForEver(socket, HEAD, "a: b\r\n"), /HPE_HEADER_OVERFLOW$/],
		[
			"sends trailers without end",
			(socket) => writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n0\r\n`, "a: b\r\n"),
			/no whole response/,
		],
		[
			"sends a chunk extension without end",
			(socket) => writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n1;a`, "b".repeat(1024)),
			/no whole response/,
		],
		[
			"sends early hints without end",
			(socket) => writeForEver(socket, "", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)),
			`${HOST} sent more than 8 responses before the response`,
		],
		[
			"sends a body of 1 MiB in chunks of one byte",
			(socket) => writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n`, "1\r\nb\r\n".repeat(1_000)),
			`the response of ${HOST} comes in more than 16384 pieces`,
		],
		[
			"wraps its body in more than the body",
			(socket) =>
				writeForEver(socket, `${HEAD}transfer-encoding: chunked\r\n\r\n`, `64;${"a".repeat(1_000)}\r\n${"b".repeat(100)}\r\n`),
			`${HOST} sent more than 1376256 bytes for one response`,
		],
		[
			"gives two lengths",
			(socket) => socket.write(`${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nbb`),
			/HPE_UNEXPECTED_CONTENT_LENGTH$/,
		],
	])("%s gives no response", async (_, onConnection, reason) => {
		const server = await startListener(HOST, onConnection);
		const response = await send("http", server);
		expect(response).toMatchObject({ status: 0, reason: expect.stringMatching(reason) });
		expect(response.body.length).toBe(0);
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 2_000 });
	});

	test("sends early hints and then a response, has it handed on", async () => {
		const hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".repeat(8);
		const server = await startListener(HOST, (socket) => socket.end(`${hints}${HEAD}\r\nbody`));
		expect(bodyOf(await send("http", server))).toBe("body");
	});

	test("sends 1 MiB and 100 headers, gives a response", async () => {
		const server = await startListener(HOST, (socket) => socket.end(`${HEAD}${"a: b\r\n".repeat(100)}\r\n${"b".repeat(MIB)}`));
		const response = await send("http", server);
		expect([response.status, response.body.length]).toEqual([200, MIB]);
	});

	test("sends what grows a thousandfold when it is unpacked, has it handed on as it is", async () => {
		const bomb = Buffer.from("1f8b08000000000000ff", "hex");
		const site = await startSite(HOST, (_, response) => {
			response.setHeader("content-encoding", "gzip");
			response.end(Buffer.concat([bomb, Buffer.alloc(1_000)]));
		});
		const response = await send("http", site);
		expect(site.requests[0]?.headers["accept-encoding"]).toBe("identity");
		expect(response.headers["content-encoding"]).toBe("gzip");
		expect(response.body.length).toBe(1_010);
	});

	test("keeps the connection open after its response, has it closed", async () => {
		const server = await startListener(HOST, (socket) =>
			socket.write(`${HEAD}content-length: 4\r\nconnection: keep-alive\r\n\r\nbodyHTTP/1.1 200 OK`),
		);
		expect(bodyOf(await send("http", server))).toBe("body");
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 2_000 });
	});

	test("redirects with a body without end, is not listened to any longer", async () => {
		const end = await startSite(HOST, (_, response) => response.end("end"));
		const server = await startListener(HOST, (socket) => {
			writeForEver(socket, `HTTP/1.1 302 Found\r\nlocation: http://${HOST}:${end.port}/\r\n\r\n`, "moved", 20);
		});
		const rights = rightsTo([server, end].map(({ port }): NetworkRule => ({ host: HOST, scheme: "http", port })));
		expect(bodyOf(await pluginRequests()({ url: `http://${HOST}:${server.port}/` }, rights))).toBe("end");
		await waitFor("the connection is closed", () => server.open === 0, { timeoutMs: 2_000 });
	});
});

describe("requests at the same time", () => {
	test("have a bound for each plugin and for all; what is over it gets no response and disturbs no other", async () => {
		const waiting: ServerResponse[] = [];
		const site = await startSite(HOST, (_, response) => void waiting.push(response));
		const plugin = pluginRequests();
		const ask = (name: string) =>
			plugin(
				{ url: `http://${HOST}:${site.port}/` },
				{ ...rightsTo([{ host: HOST, scheme: "http", port: site.port }]), plugin: name },
			);
		const askAll = (count: number, name: string) => Array.from({ length: count }, () => ask(name));
		const first = askAll(16, "plugin-0");
		expect(await ask("plugin-0")).toMatchObject({
			status: 0,
			reason: "too many requests of this plugin are on their way; try again later",
		});
		const others = Array.from({ length: 7 }, (_, index) => askAll(16, `plugin-${index + 1}`)).flat();
		expect(await ask("plugin-8")).toMatchObject({
			status: 0,
			reason: "too many requests of plugins are on their way; try again later",
		});
		await waitFor("all have come", () => waiting.length === 128);
		for (const response of waiting.splice(0)) response.end("answered");
		expect(new Set((await Promise.all([...first, ...others])).map(bodyOf))).toEqual(new Set(["answered"]));
		const again = ask("plugin-0");
		await waitFor("it has come", () => waiting.length === 1);
		waiting[0]?.end("again");
		expect(bodyOf(await again)).toBe("again");
	});
});

describe("at the deadline", () => {
	test("a name server that does not answer is not waited for", async () => {
		const dns = await startDns(() => undefined);
		const site = await startListener(HOST, () => undefined);
		const rights = rightsTo([{ host: "late.example", scheme: "http", port: site.port }]);
		const startedAt = performance.now();
		const call = pluginRequests({ dnsServers: [dns.server] })({ url: `http://late.example:${site.port}/` }, rights, DEADLINE_MS);
		expect(await refusalOf(call)).toMatchObject({ outcome: "timeout" });
		expect(performance.now() - startedAt).toBeLessThan(DEADLINE_MS + 2_000);
		expect(dns.questions.length).toBeGreaterThan(0);
		expect(site.connections).toBe(0);
	});

	test("a chain of slow redirects has one deadline for all of it", async () => {
		const site = await startSite(HOST, (_, response) => {
			setTimeout(() => response.writeHead(302, { location: "/again" }).end(), 100);
		});
		expect(await refusalOf(send("http", site, 250))).toMatchObject({ outcome: "timeout" });
		expect(site.requests.length).toBeLessThan(4);
	});

	test("that has passed before it begins, nobody is asked", async () => {
		const site = await startSite(HOST, (_, response) => response.end());
		const dns = await startDns(() => []);
		for (const host of [HOST, "late.example"]) {
			const rights = rightsTo([{ host, scheme: "http", port: site.port }]);
			const call = pluginRequests({ dnsServers: [dns.server] })(
				{ url: `http://${host}:${site.port}/` },
				rights,
				AbortSignal.abort(),
			);
			expect(await refusalOf(call)).toMatchObject({ outcome: "timeout" });
		}
		expect(site.connections).toBe(0);
		expect(dns.questions).toEqual([]);
	});

	test("HP-27 an answer that comes late is nobody's, and the calls after it get their own", async () => {
		const late: Socket[] = [];
		const server = await startListener(HOST, (socket) => void late.push(socket));
		const site = await startSite(HOST, (request, response) => response.end(request.headers["x-call"]));
		const rule = (port: number): NetworkRule => ({ host: HOST, scheme: "http", port });
		const plugin = pluginRequests();
		for (let pair = 0; pair < 50; pair += 1) {
			const first = refusalOf(plugin({ url: `http://${HOST}:${server.port}/` }, rightsTo([rule(server.port)]), 10));
			const answers = first.then(() => {
				for (const socket of late.splice(0)) socket.end("HTTP/1.1 200 OK\r\n\r\nof the first call");
			});
			expect((await first).outcome).toBe("timeout");
			const second = await plugin(
				{ url: `http://${HOST}:${site.port}/`, headers: { "x-call": `call ${pair}` } },
				rightsTo([rule(site.port)]),
			);
			expect(bodyOf(second)).toBe(`call ${pair}`);
			await answers;
		}
		await waitFor("all connections are closed", () => server.open === 0 && site.open === 0, { timeoutMs: 2_000 });
	});
});
