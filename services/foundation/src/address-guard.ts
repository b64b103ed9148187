// Which addresses may be reached on behalf of somebody else, a plugin or the host of a marketplace: public ones that are not this
// machine's, and ranges that the deployment allows. Everything else is the inside of somebody's network: the bus, the database, the
// metadata service of a cloud.
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { PLATFORM_RANGES } from "./platform-addresses.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** Where public IPv6 addresses are given out; ipaddr.js calls everything outside that has no name of its own public as well. */
const GLOBAL_UNICAST = parseRange("2000::/3");

const PLATFORM = PLATFORM_RANGES.map(parseRange);

export class AddressGuard {
	readonly #allowed: readonly Range[];
	readonly #ownAddresses: () => readonly string[];

	/**
	 * @param allowedRanges CIDRs, such as 10.1.0.0/16, that may be reached although they are not public
	 * @param ownAddresses addresses of this machine, as they are now
	 * @throws Error for a range that is none
	 */
	constructor(allowedRanges: readonly string[], ownAddresses: () => readonly string[] = addressesOfThisMachine) {
		this.#allowed = allowedRanges.map(parseRange);
		this.#ownAddresses = ownAddresses;
	}

	/** Why one of the addresses may not be reached, as a kind of address (`loopback`, `platform`, `own`); `undefined`: all may be. */
	refusal(...addresses: readonly string[]): string | undefined {
		// Asking the system takes longer than all the rest.
		const own = new Set(this.#ownAddresses().map((text) => ipaddr.parse(text).toString()));
		return addresses
			.map((text) => (ipaddr.isValid(text) ? this.#refusalOf(ipaddr.parse(text), own) : "unknown"))
			.find((refusal) => refusal !== undefined);
	}

	#refusalOf(address: Address, own: ReadonlySet<string>): string | undefined {
		const range = this.#isAllowed(address) ? undefined : kindOf(address, own);
		if (range !== undefined) return range;
		// An allowed range of translated addresses opens nothing that is not allowed behind the translation.
		return embeddedAddresses(address)
			.map((embedded) => this.#refusalOf(embedded, own))
			.find((refusal) => refusal !== undefined);
	}

	#isAllowed(address: Address): boolean {
		return this.#allowed.some((range) => lies(address, range));
	}
}

function kindOf(address: Address, own: ReadonlySet<string>): string | undefined {
	const range = address.range();
	if (range !== "unicast") return range;
	if (address.kind() === "ipv6" && !lies(address, GLOBAL_UNICAST)) return "reserved";
	if (PLATFORM.some((platform) => lies(address, platform))) return "platform";
	return own.has(address.toString()) ? "own" : undefined;
}

/** IPv4 addresses that an IPv6 address stands for. */
function embeddedAddresses(address: Address): ipaddr.IPv4[] {
	if (!(address instanceof ipaddr.IPv6)) return [];
	const bytes = address.toByteArray();
	const at = (offset: number) => new ipaddr.IPv4(bytes.slice(offset, offset + 4));
	switch (address.range()) {
		case "ipv4Mapped":
		case "rfc6145":
		case "rfc6052":
			return [at(12)];
		case "6to4":
			return [at(2)];
		case "teredo":
			// Its server, and its client with all bits turned over.
			return [at(4), new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))];
		default:
			// ::a.b.c.d, which old systems take for IPv4.
			return bytes.slice(0, 12).every((byte) => byte === 0) ? [at(12)] : [];
	}
}

function lies(address: Address, [network, bits]: Range): boolean {
	return address.kind() === network.kind() && address.match(network, bits);
}

function parseRange(text: string): Range {
	if (!ipaddr.isValidCIDR(text))
		throw new Error(`${JSON.stringify(text)} is no range of addresses, such as 10.1.0.0/16 or fd00:1::/64`);
	return ipaddr.parseCIDR(text);
}

function addressesOfThisMachine(): string[] {
	return Object.values(networkInterfaces()).flatMap((addresses) =>
		(addresses ?? []).map(({ address }) => address.replace(/%.*$/, "")),
	);
}
