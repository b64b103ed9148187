// The answer to an HTTP request. Body and headers stay with the host until somebody asks for them: most plugins look at the
// status first.
import { Json } from "../json/json";
import { decodeText } from "../json/utf8";
import { asciiLowerText } from "../text/character-class";
import { readBlock } from "./host-memory";

export class HttpResponse {
	/**
	 * 100 to 599; 0 when there was no response: nobody listens, the connection broke, the name does not resolve, it took longer than
	 * {@link HttpRequest.timeout}, or the body has more than 1 MiB. The plugin's log says why.
	 */
	readonly status: i32;
	private readonly bodyBlock: u64;
	private readonly headersBlock: u64;
	private bodyBytes: ArrayBuffer | null = null;
	private parsedHeaders: Json | null = null;

	/** Blocks of the host: the body, and the headers as a JSON object; 0 for none. */
	constructor(status: i32, bodyBlock: u64, headersBlock: u64) {
		this.status = status;
		this.bodyBlock = bodyBlock;
		this.headersBlock = headersBlock;
	}

	/** Status 200 to 299. */
	get ok(): bool {
		return this.status >= 200 && this.status < 300;
	}

	/** The body; empty when there is none. Do not change it. */
	get bytes(): ArrayBuffer {
		const known = this.bodyBytes;
		if (known !== null) return known;
		const bytes = this.bodyBlock != 0 ? readBlock(this.bodyBlock) : new ArrayBuffer(0);
		this.bodyBytes = bytes;
		return bytes;
	}

	/** The body as text. Bytes that are not UTF-8 become U+FFFD. */
	get text(): string {
		return decodeText(this.bytes);
	}

	/** All headers: a JSON object of their values by name in lower case. */
	get headers(): Json {
		const known = this.parsedHeaders;
		if (known !== null) return known;
		let headers = Json.ofObject();
		if (this.headersBlock != 0) {
			const parsed = Json.read(readBlock(this.headersBlock));
			const value = parsed.value;
			if (value === null) throw new Error(`http_headers: ${parsed.fault}`);
			headers = value;
		}
		this.parsedHeaders = headers;
		return headers;
	}

	/** Value of a header, whatever the case of its name; empty when there is none. */
	header(name: string): string {
		return this.headers.getString(asciiLowerText(name));
	}
}
