// Takes a plugin's secrets out of what a server answers: one that shows a request to whoever sent it would show the plugin what it
// must not see. A server that changes a secret first can still give it away; network rules should name servers that do not.
import { SHORTEST_MASKED, secretForms } from "../log/mask-secrets.js";
import { NoResponse } from "./no-response.js";

const STAR = "*".charCodeAt(0);
/** Secrets in one body or header; a server that shows more of them makes work for the main thread and has no use. */
const MAX_FOUND = 1_000;

export class ResponseMask {
	readonly #secrets: readonly string[];
	/** The bytes of all secrets, in every form that a server is likely to show them in. */
	readonly #forms: readonly Buffer[];

	constructor(secrets: readonly string[]) {
		this.#secrets = secrets.filter((secret) => secret.length >= SHORTEST_MASKED);
		const texts = secretForms(this.#secrets).flatMap((form) => [form, encodeURIComponent(form), formEncoded(form)]);
		const forms = texts.flatMap((text) => [Buffer.from(text, "utf8"), Buffer.from(text, "latin1")]);
		this.#forms = [...new Map(forms.map((form) => [form.toString("latin1"), form])).values()];
	}

	/**
	 * The same bytes with a star for each byte of a secret.
	 *
	 * @throws NoResponse when there are too many
	 */
	bytes(original: Buffer): Buffer {
		let masked: Buffer | undefined;
		let found = 0;
		for (const form of this.#forms) {
			let maskedTo = 0;
			for (let at = original.indexOf(form); at !== -1; at = original.indexOf(form, at + 1)) {
				found += 1;
				if (found > MAX_FOUND) throw new NoResponse(`the response has a secret of the plugin more than ${MAX_FOUND} times`);
				masked ??= Buffer.from(original);
				masked.fill(STAR, Math.max(at, maskedTo), at + form.length);
				maskedTo = at + form.length;
			}
		}
		return masked ?? original;
	}

	/** The same for a header, in which each character is a byte. */
	header(value: string): string {
		return this.bytes(Buffer.from(value, "latin1")).toString("latin1");
	}

	/** Whether a URL has a secret in it, however it is encoded. */
	isIn(url: URL): boolean {
		const decoded = decodeAll(url.href);
		return this.#secrets.some((secret) => decoded.includes(secret) || decoded.replaceAll("+", " ").includes(secret));
	}
}

function formEncoded(text: string): string {
	return new URLSearchParams([["", text]]).toString().slice(1);
}

/** Decodes what can be decoded. */
function decodeAll(text: string): string {
	return Buffer.from(
		text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
		"latin1",
	).toString("utf8");
}
