// Where plugins' HTTP requests may go to: public addresses, however a plugin, a redirect or a name server spells another one. A listener
// on all addresses of this machine, on a port of its own, must never be reached.
import { networkInterfaces } from "node:os";
import { AddressGuard } from "@hookbus/foundation";
import { createHttpFunction, HostCallError } from "@hookbus/runtime";
import type { NetworkRule } from "@hookbus/schemas";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { bodyOf, pluginRequests, refusalOf, rightsTo, TEST_RANGE } from "../support/plugin-requests.js";
import { type DnsRecord, type StartedDns, startDns } from "../support/start-dns.js";
import { type StartedListener, type StartedSite, startListener, startSite } from "../support/start-listener.js";

/** On every address of this machine; what is private to it. */
let inside: StartedListener;
/** Answers `/<status>/<url>` with a redirect to the URL, everything else with `public`. */
let site: StartedSite;

beforeAll(async () => {
	inside = await startListener(undefined, (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ninside"));
	site = await startSite("127.0.1.1", (request, response) => {
		const [, status, location] = /^\/(\d+)\/(.*)$/.exec(request.url ?? "") ?? [];
		if (location !== undefined)
			response.writeHead(Number(status), { location: Buffer.from(decodeURIComponent(location)).toString("latin1") });
		response.end("public");
	});
});

/** Rights to everything that is asked for, so that only the address is left to refuse it. */
function rightsToAll(...urls: string[]) {
	return rightsTo(
		urls.map((url): NetworkRule => {
			const { hostname, port, protocol } = new URL(url);
			const host = hostname.replace(/\.$/, "");
			return { host, scheme: protocol === "https:" ? "https" : "http", ...(port === "" ? {} : { port: Number(port) }) };
		}),
	);
}

/** Names of which the last of each list lies on this machine. */
const NAMES = [
	"localhost",
	"localhost.",
	"LOCALHOST",
	"a.localhost",
	"127.0.0.1.nip.example",
	"inside.example",
	"inside.example.",
];

const LITERALS = [
	// Loopback, in every notation that URLs know.
	"127.0.0.1",
	"127.1",
	"127.0.1",
	"127.0.0.1.",
	"127.255.255.254",
	"2130706433",
	"0x7f000001",
	"0x7f.1",
	"0x7F.0x0.0x0.0x1",
	"0177.0.0.1",
	"0177.0x0.1",
	"017700000001",
	"%31%32%37.0.0.1",
	"127%2e0%2e0%2e1",
	"１２７.０.０.１",
	"①②⑦.⓪.⓪.①",
	"127。0。0。1",
	"127\u00ad.0.0.1",
	"0",
	"0.0.0.0",
	"0x0",
	"[::1]",
	"[0:0:0:0:0:0:0:1]",
	"[0000::0001]",
	"[::]",
	// IPv4 inside of IPv6.
	"[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]",
	"[0:0:0:0:0:FFFF:7F00:0001]",
	"[::127.0.0.1]",
	"[::ffff:0:127.0.0.1]",
	"[64:ff9b::127.0.0.1]",
	"[64:ff9b:1::7f00:1]",
	"[2002:7f00:1::1]",
	"[2001:0:7f00:1::80ff:fffe]",
	"[::ffff:169.254.169.254]",
	"[64:ff9b::a9fe:a9fe]",
	"[::ffff:8.8.8.8]",
	// Private, shared, link-local: the metadata services of clouds are there.
	"10.0.0.1",
	"10.1",
	"0xa000001",
	"172.16.0.1",
	"172.31.255.255",
	"192.168.0.1",
	"192.168.257",
	"3232235521",
	"100.64.0.1",
	"100.127.255.255",
	"100.100.100.200",
	"169.254.169.254",
	"169.254.43518",
	"2852039166",
	"0xa9fea9fe",
	"[fd00:ec2::254]",
	"192.0.0.192",
	"168.63.129.16",
	"0xa83f8110",
	"[::ffff:168.63.129.16]",
	"[64:ff9b::a83f:8110]",
	"161.26.0.10",
	"166.11.255.255",
	"[fc00::1]",
	"[fe80::1]",
	"[fec0::1]",
	// Nobody's, or everybody's.
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.1",
	"255.255.255.255",
	"192.0.0.1",
	"192.0.2.1",
	"192.88.99.1",
	"198.18.0.1",
	"198.51.100.1",
	"203.0.113.1",
	"[ff02::1]",
	"[100::1]",
	"[2001:db8::1]",
	"[3fff::1]",
	"[4000::1]",
];

describe("HP-21 an address that is not public", () => {
	let dns: StartedDns;
	beforeAll(async () => {
		dns = await startDns(({ type }) =>
			type === "A" ? [{ type, value: "127.0.0.1" }] : type === "AAAA" ? [{ type, value: "::1" }] : [],
		);
	});
	const urlOf = (host: string) => `http://${host}:${inside.port}/`;
	const send = (url: string, rights = rightsToAll(url)) => pluginRequests({ dnsServers: [dns.server] })({ url }, rights);

	test("would be seen when it is reached", async () => {
		const before = inside.connections;
		expect(bodyOf(await send(urlOf("127.0.1.9")))).toBe("inside");
		expect(inside.connections).toBe(before + 1);
	});

	test(`is denied in ${LITERALS.length} spellings and under ${NAMES.length} names, though a rule allows each`, async () => {
		const before = inside.connections;
		for (const host of [...LITERALS, ...NAMES]) {
			expect(await refusalOf(send(urlOf(host))), host).toEqual({
				outcome: "denied",
				message: expect.stringMatching(/has an address that is not public \(\w+\)/),
			});
		}
		expect(inside.connections).toBe(before);
	});

	test("is denied with https and on the default ports", async () => {
		for (const url of [`https://127.0.0.1:${inside.port}/`, "http://127.0.0.1/", "https://127.0.0.1/", "http://127.0.0.1:80/"]) {
			expect(await refusalOf(send(url)), url).toMatchObject({ outcome: "denied" });
		}
	});

	test("is not reached by confusing what the host of a URL is, or by another scheme", async () => {
		const before = inside.connections;
		const port = inside.port;
		const granted = rightsTo([{ host: "127.0.1.1", scheme: "http", port: site.port }]);
		for (const url of [
			`http://127.0.1.1:${site.port}@127.0.0.1:${port}/`,
			`http://127.0.1.1%3a${site.port}%40127.0.0.1:${port}/`,
			`http://user:pass@127.0.1.1:${site.port}/`,
			`http://127.0.0.1:${port}\\@127.0.1.1:${site.port}/`,
			`http://127.0.0.1:${port}#@127.0.1.1:${site.port}/`,
			`http://127.0.0.1:${port}?@127.0.1.1:${site.port}/`,
			`http:\\\\127.0.0.1:${port}\\`,
			`http:127.0.0.1:${port}/`,
			`http:///127.0.0.1:${port}/`,
			`\thttp://127.0.0.1:${port}/`,
			`ht\ntp://127.0.0.1:${port}/`,
			`//127.0.0.1:${port}/`,
			`127.0.0.1:${port}`,
			`http://127.0.1.1 127.0.0.1:${port}/`,
			`http://127.0.1.1\0.127.0.0.1:${port}/`,
			`http://127.0.1.1:${site.port}:${port}/`,
			`http://127.0.1.1:0${port}0/`,
			`http://256.0.0.1:${port}/`,
			`http://127.0.0.0x100:${port}/`,
			`http://127.0.0.08:${port}/`,
			`http://[::1%25lo]:${port}/`,
			`http://[fe80::1%lo]:${port}/`,
			`http://[127.0.0.1]:${port}/`,
			"http+unix://%2Fvar%2Frun%2Fdocker.sock/",
			"http://unix:/var/run/docker.sock:/info",
			"unix:/var/run/docker.sock",
			"file:///etc/passwd",
			"data:text/plain,hello",
			"ftp://127.0.0.1/",
			`gopher://127.0.0.1:${port}/`,
			`ws://127.0.0.1:${port}/`,
			"javascript:0",
			`blob:http://127.0.0.1:${port}/x`,
			`view-source:http://127.0.0.1:${port}/`,
		]) {
			expect((await refusalOf(send(url, granted))).outcome, url).toMatch(/^(denied|guest_error)$/);
		}
		// What looks like a confusion to some parsers goes where the rule says.
		for (const rest of [`#@127.0.0.1:${port}/`, `?@127.0.0.1:${port}/`, `\\@127.0.0.1:${port}/`, `/@127.0.0.1:${port}/`]) {
			expect(bodyOf(await send(`http://127.0.1.1:${site.port}${rest}`, granted))).toBe("public");
		}
		expect(inside.connections).toBe(before);
	});

	test.each([301, 302, 303, 307, 308])("HP-22 is not reached by a redirect with %i", async (status) => {
		const before = inside.connections;
		for (const host of [...LITERALS, ...NAMES]) {
			const target = urlOf(host);
			const url = `http://127.0.1.1:${site.port}/${status}/${encodeURIComponent(target)}`;
			// Denied for its address where a rule allows it, and for the rule where none does.
			expect(await refusalOf(send(url, rightsToAll(url, target))), host).toMatchObject({
				outcome: "denied",
				message: expect.stringContaining("has an address that is not public"),
			});
			expect(await refusalOf(send(url, rightsToAll(url))), host).toMatchObject({ outcome: "denied" });
		}
		expect(inside.connections).toBe(before);
	});
});

describe("HP-23 a name server", () => {
	const url = () => `http://rebind.example:${site.port}/`;
	const insideUrl = () => `http://rebind.example:${inside.port}/`;
	/** The answers to A and AAAA; the port of `inside` is asked, which listens on all addresses of this machine. */
	const ask = async (a: readonly DnsRecord[], aaaa: readonly DnsRecord[] = []) => {
		const dns = await startDns(({ type }) => (type === "A" ? a : type === "AAAA" ? aaaa : []));
		return await pluginRequests({ dnsServers: [dns.server] })({ url: insideUrl() }, rightsToAll(insideUrl()));
	};
	const a = (value: string, name?: string): DnsRecord => ({ type: "A", value, ...(name === undefined ? {} : { name }) });
	const aaaa = (value: string): DnsRecord => ({ type: "AAAA", value });

	test("that answers with another address each time is asked once for each request, and what it said is what is checked and reached", async () => {
		const before = inside.connections;
		let asked = 0;
		const dns = await startDns(({ type }) => {
			if (type !== "A") return [];
			asked += 1;
			return [a(asked % 2 === 1 ? "127.0.1.1" : "127.0.0.1")];
		});
		const send = pluginRequests({ dnsServers: [dns.server] });
		const outcomes = { reached: 0, denied: 0 };
		for (let tries = 0; tries < 1_000; tries += 1) {
			const onInside = tries % 2 === 1;
			const ended = await send({ url: onInside ? insideUrl() : url() }, rightsToAll(url(), insideUrl())).catch(
				(thrown: unknown) => thrown,
			);
			if (ended instanceof HostCallError) outcomes.denied += 1;
			else if (bodyOf(ended as Awaited<ReturnType<typeof send>>) === "public") outcomes.reached += 1;
		}
		expect(outcomes).toEqual({ reached: 500, denied: 500 });
		expect(asked).toBe(1_000);
		expect(inside.connections).toBe(before);
	});

	test("that mixes one private address into its answer gets nobody connected", async () => {
		const before = inside.connections;
		const publicOnes = ["127.0.1.1", "127.0.1.2", "127.0.1.3"].map((value) => a(value));
		for (const hidden of ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"]) {
			for (let at = 0; at <= publicOnes.length; at += 1) {
				expect(await refusalOf(ask(publicOnes.toSpliced(at, 0, a(hidden))))).toMatchObject({ outcome: "denied" });
			}
		}
		for (const hidden of ["::1", "fd00::1", "fe80::1", "::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::1"]) {
			expect(await refusalOf(ask(publicOnes, [aaaa(hidden)])), hidden).toMatchObject({ outcome: "denied" });
			expect(await refusalOf(ask([], [aaaa(hidden)])), hidden).toMatchObject({ outcome: "denied" });
		}
		expect(inside.connections).toBe(before);
	});

	test("that names another name for it is followed to addresses, which are checked", async () => {
		const before = inside.connections;
		const toLocalhost: DnsRecord = { type: "CNAME", value: "localhost" };
		expect(await refusalOf(ask([toLocalhost, a("127.0.0.1", "localhost")]))).toMatchObject({ outcome: "denied" });
		expect(await ask([toLocalhost])).toMatchObject({ status: 0, reason: "rebind.example does not resolve: it has no address" });
		expect(inside.connections).toBe(before);
		const toPublic: DnsRecord = { type: "CNAME", value: "cdn.example" };
		expect(bodyOf(await ask([toPublic, a("127.0.1.1", "cdn.example")]))).toBe("inside");
	});

	test("that gives a name more than 32 addresses gets nobody connected", async () => {
		const many = (count: number) => Array.from({ length: count }, (_, index) => a(`127.0.1.${index + 1}`));
		const before = inside.connections;
		expect(await ask(many(30), [aaaa("fd00::1"), aaaa("fd00::2"), aaaa("fd00::3")])).toMatchObject({
			status: 0,
			reason: "rebind.example has 33 addresses; at most 32 are allowed",
		});
		expect(inside.connections).toBe(before);
		expect(bodyOf(await ask(many(32)))).toBe("inside");
	});

	test("that fails for one kind of address does not keep the other one from being reached; further addresses are tried", async () => {
		expect(bodyOf(await ask([a("127.0.1.1")], []))).toBe("inside");
		const dns = await startDns(({ type }) =>
			type === "A" ? ["127.0.1.7", "127.0.1.8", "127.0.1.1"].map((value) => a(value)) : [],
		);
		const response = await pluginRequests({ dnsServers: [dns.server] })({ url: url() }, rightsToAll(url()));
		expect(bodyOf(response)).toBe("public");
	});
});

describe("HP-24 what belongs to this machine", () => {
	const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);

	test("is not reached at any of its addresses", async () => {
		const before = inside.connections;
		for (const { address, family } of own) {
			const host = family === "IPv6" ? `[${address.replace(/%.*$/, "")}]` : address;
			const url = `http://${host}:${inside.port}/`;
			expect(await refusalOf(pluginRequests()({ url }, rightsToAll(url))), host).toMatchObject({ outcome: "denied" });
		}
		expect(own.length).toBeGreaterThan(0);
		expect(inside.connections).toBe(before);
	});

	test("is refused at its public addresses too, unless the deployment allows them", () => {
		const addresses = () => ["127.0.0.1", "8.8.8.8", "2606:4700::1111", "fe80::1"];
		const guard = new AddressGuard([], addresses);
		expect(guard.refusal("8.8.8.8")).toBe("own");
		expect(guard.refusal("2606:4700:0:0::1111")).toBe("own");
		expect(guard.refusal("8.8.8.9")).toBeUndefined();
		expect(new AddressGuard(["8.8.8.0/24", "2606:4700::/32"], addresses).refusal("8.8.8.8")).toBeUndefined();
	});
});

test("the machine's own addresses are read once, however many are checked", () => {
	let reads = 0;
	const guard = new AddressGuard([], () => {
		reads += 1;
		return ["8.8.8.8"];
	});
	expect(guard.refusal("8.8.4.4", "1.1.1.1", "8.8.8.8")).toBe("own");
	expect(reads).toBe(1);
});

describe("a range that the deployment allows", () => {
	test("opens a cloud platform's own addresses, which are refused otherwise", () => {
		expect(new AddressGuard([], () => []).refusal("168.63.129.16")).toBe("platform");
		expect(new AddressGuard([], () => []).refusal("168.63.129.17", "161.25.255.255", "166.12.0.0")).toBeUndefined();
		expect(new AddressGuard(["168.63.129.16/32"], () => []).refusal("168.63.129.16")).toBeUndefined();
	});

	test("is reached, and nothing beside it", () => {
		const guard = new AddressGuard(["10.1.0.0/16", "fd00:1::/64"], () => []);
		expect(["10.1.0.0", "10.1.255.255", "fd00:1::5"].map((address) => guard.refusal(address))).toEqual([
			undefined,
			undefined,
			undefined,
		]);
		expect(
			["10.0.255.255", "10.2.0.0", "fd00:1:0:1::5", "::ffff:10.1.0.1", "127.0.0.1"].map((address) => guard.refusal(address)),
		).toEqual(["private", "private", "uniqueLocal", "ipv4Mapped", "loopback"]);
	});

	test("of translated addresses opens what is public or allowed behind the translation, and nothing else", () => {
		const guard = new AddressGuard(["64:ff9b::/96", "::ffff:0:0/96", "2002::/16", "2001::/32", "::/96", "10.1.0.0/16"], () => []);
		for (const open of ["64:ff9b::8.8.8.8", "64:ff9b::10.1.0.1", "::ffff:8.8.8.8", "2002:808:808::1"]) {
			expect(guard.refusal(open), open).toBeUndefined();
		}
		for (const closed of [
			"64:ff9b::127.0.0.1",
			"64:ff9b::10.2.0.1",
			"::ffff:169.254.169.254",
			"2002:7f00:1::1",
			"::127.0.0.1",
			"::1",
			// A public server, and 127.0.0.1 behind it.
			"2001:0:808:808::80ff:fffe",
		]) {
			expect(guard.refusal(closed), closed).toBeDefined();
		}
	});

	test("must be written as such; so must name servers and hosts", () => {
		const options = { allowedRanges: [TEST_RANGE], hosts: ["*"], dnsServers: [] };
		for (const range of ["10.0.0.1", "10.0.0.0/33", "example.com", "", "10.0.0.0/8/8"]) {
			expect(() => createHttpFunction({ ...options, allowedRanges: [range] }), range).toThrow(
				/is no range of addresses, such as/,
			);
		}
		for (const server of ["10.0.0.53", "dns.example:53", "10.0.0.53:0", "10.0.0.53:65536", "[fd00::53]", "fd00::53:53", ""]) {
			expect(() => createHttpFunction({ ...options, dnsServers: [server] }), server).toThrow(/is no name server, such as/);
		}
		for (const pattern of ["https://api.example.com", "API.example.com", "localhost", "*.*.example", "*example.com", ""]) {
			expect(() => createHttpFunction({ ...options, hosts: [pattern] }), pattern).toThrow(/is no pattern of hosts, such as/);
		}
		createHttpFunction({ ...options, hosts: ["*.example.com", "10.0.0.1"], dnsServers: ["10.0.0.53:53", "[fd00::53]:53"] });
	});
});

describe("FZ-07 generated spellings", () => {
	const http = createHttpFunction({ allowedRanges: [], hosts: ["*"], dnsServers: [] });
	const guard = new AddressGuard([], () => []);
	const hostOf = (url: string, rule: NetworkRule) =>
		http.prepare({ type: "http_request", method: "GET", url, headers: {}, body: undefined }, rightsTo([rule])).url.hostname;

	test("of an IPv4 address mean the address, and are refused when the reference says so", () => {
		const edges = NOT_PUBLIC_4.flatMap(([network, bits]) => {
			const first = ipv4Number(network);
			const size = 2 ** (32 - bits);
			return [first - 1, first, first + 1, first + size - 1, first + size].filter((edge) => edge >= 0 && edge < 2 ** 32);
		});
		const number = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
		const seen = { public: 0, refused: 0 };
		fc.assert(
			fc.property(number, fc.infiniteStream(fc.nat(1_000)), (address, choices) => {
				const canonical = dotted(address);
				const spelling = spellIpv4(address, choices);
				const host = hostOf(`http://${spelling}/`, { host: canonical, scheme: "http" });
				const isPublic = !NOT_PUBLIC_4.some(([network, bits]) =>
					sameBits(BigInt(address), BigInt(ipv4Number(network)), 32 - bits),
				);
				seen[isPublic ? "public" : "refused"] += 1;
				return host === canonical && (guard.refusal(host) === undefined) === isPublic;
			}),
			{ numRuns: 20_000, seed: 7 },
		);
		expect(Math.min(seen.public, seen.refused)).toBeGreaterThan(1_000);
	});

	test("of an IPv6 address mean the address, and are refused when the reference says so", () => {
		const prefixes = [
			...NOT_PUBLIC_6.map(([network]) => network),
			"2000::",
			"2606:4700::",
			"2a00::",
			"::",
			"4000::",
			"64:ff9b::",
			"::ffff:0:0",
		];
		const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
		const groups = fc.tuple(fc.constantFrom(...prefixes), fc.nat(8), fc.array(group, { minLength: 8, maxLength: 8 }));
		const seen = { public: 0, refused: 0 };
		fc.assert(
			fc.property(groups, fc.infiniteStream(fc.nat(1_000)), ([prefix, kept, random], choices) => {
				const address = ipv6Groups(prefix).map((part, index) => (index < kept ? part : (random[index] ?? 0)));
				const spelling = `[${spellIpv6(address, choices)}]`;
				const host = hostOf(`http://${spelling}/`, {
					host: new URL(`http://[${address.map((part) => part.toString(16)).join(":")}]/`).hostname,
					scheme: "http",
				});
				const number = ipv6Number(address);
				const isPublic =
					sameBits(number, ipv6Number(ipv6Groups("2000::")), 125) &&
					!NOT_PUBLIC_6.some(([network, bits]) => sameBits(number, ipv6Number(ipv6Groups(network)), 128 - bits));
				seen[isPublic ? "public" : "refused"] += 1;
				return (guard.refusal(host.slice(1, -1)) === undefined) === isPublic;
			}),
			{ numRuns: 20_000, seed: 7 },
		);
		expect(Math.min(seen.public, seen.refused)).toBeGreaterThan(1_000);
	});

	test("of URLs lead to the granted host, or to an error of ours", () => {
		const pieces = [
			"http:",
			"https:",
			"/",
			"//",
			"\\",
			"@",
			":",
			"?",
			"#",
			"%",
			"%2f",
			"%40",
			"\t",
			"\n",
			" ",
			"\0",
			".",
			"[",
			"]",
			"::1",
		];
		const hosts = [
			"granted.example",
			"GRANTED.example",
			"127.0.0.1",
			"localhost",
			"evil.example",
			"80",
			"443",
			"ｇranted",
			"。example",
		];
		const rule: NetworkRule = { host: "granted.example", scheme: "http" };
		let granted = 0;
		fc.assert(
			fc.property(fc.array(fc.constantFrom(...pieces, ...hosts), { maxLength: 10 }), fc.boolean(), (parts, prefixed) => {
				try {
					const host = hostOf(`${prefixed ? "http://" : ""}${parts.join("")}`, rule);
					granted += 1;
					return host === "granted.example";
				} catch (thrown) {
					return thrown instanceof HostCallError && (thrown.outcome === "denied" || thrown.outcome === "guest_error");
				}
			}),
			{ numRuns: 20_000, seed: 7 },
		);
		expect(granted).toBeGreaterThan(100);
	});
});

/** By the registries of special addresses, written down once more: the guard takes them from a library. */
const NOT_PUBLIC_4: readonly [string, number][] = [
	["0.0.0.0", 8],
	["10.0.0.0", 8],
	["100.64.0.0", 10],
	["127.0.0.0", 8],
	["169.254.0.0", 16],
	["172.16.0.0", 12],
	["192.0.0.0", 24],
	["192.0.2.0", 24],
	["192.31.196.0", 24],
	["192.52.193.0", 24],
	["192.88.99.0", 24],
	["192.168.0.0", 16],
	["192.175.48.0", 24],
	["198.18.0.0", 15],
	["198.51.100.0", 24],
	["203.0.113.0", 24],
	["224.0.0.0", 4],
	["240.0.0.0", 4],
];

/** Inside of 2000::/3; outside of it nothing is public. */
const NOT_PUBLIC_6: readonly [string, number][] = [
	["2001::", 23],
	["2001:db8::", 32],
	["2002::", 16],
	["2620:4f:8000::", 48],
	["3fff::", 20],
];

function sameBits(one: bigint, other: bigint, shift: number): boolean {
	return one >> BigInt(shift) === other >> BigInt(shift);
}

function ipv4Number(address: string): number {
	return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function dotted(address: number): string {
	return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function ipv6Groups(address: string): number[] {
	const [front, back] = address.split("::").map((half) => half.split(":").filter((part) => part !== ""));
	const zeros = Array<string>(8 - (front?.length ?? 0) - (back?.length ?? 0)).fill("0");
	return [...(front ?? []), ...zeros, ...(back ?? [])].map((part) => Number.parseInt(part, 16));
}

function ipv6Number(groups: readonly number[]): bigint {
	return groups.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);
}

type Choices = fc.Stream<number>;

function pick<Value>(choices: Choices, ...values: readonly [Value, ...Value[]]): Value {
	const choice = choices.next().value ?? 0;
	return values[choice % values.length] ?? values[0];
}

/** One to four parts, each decimal, octal or hexadecimal, with digits of other scripts, escapes and a dot at the end. */
function spellIpv4(address: number, choices: Choices): string {
	const count = pick(choices, 1, 2, 3, 4);
	const parts = Array.from({ length: count }, (_, index) => {
		const last = index === count - 1;
		const shift = last ? 0 : 24 - 8 * index;
		return Math.floor(address / 2 ** shift) % 2 ** (last ? 8 * (5 - count) : 8);
	});
	const spelled = parts
		.map((part) =>
			pick(
				choices,
				part.toString(),
				`0x${part.toString(16)}`,
				`0X${part.toString(16).toUpperCase()}`,
				`0${part.toString(8)}`,
				`0x000${part.toString(16)}`,
			),
		)
		.join(pick(choices, ".", ".", "。", "．"));
	const dressed = pick(
		choices,
		spelled,
		spelled.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
		spelled.replace(/\d/g, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))),
		spelled.replace(/[0-9]/, (digit) => `%3${digit}`),
	);
	return `${dressed}${pick(choices, "", "", ".")}`;
}

/** With zeros, capitals, a gap anywhere, and its end written like an IPv4 address. */
function spellIpv6(groups: readonly number[], choices: Choices): string {
	const hex = groups.map((part) =>
		pick(choices, part.toString(16), part.toString(16).toUpperCase(), part.toString(16).padStart(4, "0")),
	);
	if (pick(choices, false, true)) {
		const tail = dotted((groups[6] ?? 0) * 65_536 + (groups[7] ?? 0));
		return `${hex.slice(0, 6).join(":")}:${tail}`;
	}
	const from = pick(choices, 0, 1, 2, 3, 4, 5, 6, 7);
	let to = from;
	while (to < 8 && groups[to] === 0) to += 1;
	return to > from ? `${hex.slice(0, from).join(":")}::${hex.slice(to).join(":")}` : hex.join(":");
}
