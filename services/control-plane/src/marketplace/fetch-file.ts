// Fetches files from marketplaces: the only requests that this service makes of its own. Whoever hosts a marketplace chooses their
// addresses, so all is bounded and nothing is followed: protocol, address after resolution, status, time and size.
import { lookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { type AddressGuard, CodedError } from "@hookbus/foundation";
import { errors } from "../errors.js";

export interface FetchLimits {
	/** Largest file in bytes. */
	readonly maxBytes: number;
	/** Milliseconds for the whole of it. */
	readonly timeoutMs: number;
}

export class FileFetcher {
	readonly #guard: AddressGuard;
	readonly #allowHttp: boolean;
	readonly #stopping: AbortSignal;

	/**
	 * @param allowHttp takes http addresses too, which anybody on the way can read and change
	 * @param stopping aborted when the service stops: what is under way ends
	 */
	constructor(guard: AddressGuard, allowHttp: boolean, stopping: AbortSignal) {
		this.#guard = guard;
		this.#allowHttp = allowHttp;
		this.#stopping = stopping;
	}

	/**
	 * The bytes of a file.
	 *
	 * @throws CodedError `market_address_refused`, `market_unreachable`, `market_answer_refused`
	 */
	async fetch(url: string, { maxBytes, timeoutMs }: FetchLimits): Promise<Buffer> {
		const address = this.#checked(url);
		const late = AbortSignal.timeout(timeoutMs);
		try {
			const response = await this.#send(address, AbortSignal.any([late, this.#stopping]));
			try {
				return await readBody(response, address.href, maxBytes);
			} finally {
				response.destroy();
			}
		} catch (thrown) {
			if (thrown instanceof CodedError) throw thrown;
			const why = late.aborted ? `it was not there after ${timeoutMs} ms` : reason(thrown);
			throw errors.market_unreachable(`${address.href} cannot be fetched: ${why}`, { cause: thrown });
		}
	}

	#checked(text: string): URL {
		if (!URL.canParse(text)) throw errors.market_address_refused(`${JSON.stringify(text.slice(0, 200))} is no address`);
		const url = new URL(text);
		if (url.protocol !== "https:" && !(url.protocol === "http:" && this.#allowHttp)) {
			throw errors.market_address_refused(
				`${url.href}: only https is fetched; http needs the setting HOOKBUS_MARKET_ALLOW_HTTP of the control plane`,
			);
		}
		if (url.username !== "" || url.password !== "") {
			throw errors.market_address_refused(`${url.host}: an address with user and password is not fetched`);
		}
		const host = url.hostname.replace(/^\[|\]$/g, "");
		if (isIP(host) !== 0) this.#requireAllowed(host, host);
		return url;
	}

	#requireAllowed(host: string, address: string): void {
		const kind = this.#guard.refusal(address);
		if (kind === undefined) return;
		throw errors.market_address_refused(
			`${host} is at ${address}, which is not public (${kind}); HOOKBUS_MARKET_PRIVATE_RANGES names ranges that are fetched from all the same`,
		);
	}

	#send(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
		const request = url.protocol === "https:" ? httpsRequest : httpRequest;
		return new Promise((resolve, reject) => {
			const sent = request(url, {
				agent: false,
				signal,
				lookup: this.#lookup,
				headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "hookbus" },
			});
			sent.once("response", resolve);
			sent.once("error", reject);
			sent.end();
		});
	}

	/** What is connected to is what was checked here: a second look at the name could find another address. */
	readonly #lookup: LookupFunction = (host, options, done) => {
		lookup(host, { ...options, all: true }, (thrown, addresses) => {
			if (thrown !== null) return done(thrown, "");
			try {
				for (const { address } of addresses) this.#requireAllowed(host, address);
			} catch (refused) {
				return done(refused as Error, "");
			}
			const [first] = addresses;
			if (options.all === true) done(null, addresses);
			else done(null, first?.address ?? "", first?.family);
		});
	};
}

async function readBody(response: IncomingMessage, url: string, maxBytes: number): Promise<Buffer> {
	const status = response.statusCode ?? 0;
	if (status >= 300 && status < 400) {
		throw errors.market_answer_refused(
			`${url} is redirected (${status}), and redirects are not followed: whoever can redirect could send us anywhere; name the file's own address`,
		);
	}
	if (status !== 200) throw errors.market_answer_refused(`${url} answers with status ${status}`);
	const encoding = response.headers["content-encoding"];
	if (encoding !== undefined && encoding !== "identity") {
		throw errors.market_answer_refused(`${url} is sent compressed (${encoding}), though that was not asked for`);
	}
	const tooLarge = () => errors.market_answer_refused(`${url} has more than the ${maxBytes} bytes that are taken`);
	if (Number(response.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of response as AsyncIterable<Buffer>) {
		bytes += chunk.length;
		if (bytes > maxBytes) throw tooLarge();
		chunks.push(chunk);
	}
	if (!response.complete) throw new Error("the connection ended before the file did");
	return Buffer.concat(chunks);
}

function reason(thrown: unknown): string {
	const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
	const message = thrown instanceof Error ? thrown.message : String(thrown);
	return message === "" ? (code ?? "no reason given") : message;
}
