// Calls the REST API with the admin key, as any admin's script would.
import type { PluginChange, PluginList, PluginSummary, Problem } from "@hookbus/schemas";

export class RestApi {
	readonly #url: string;
	readonly #key: string;

	/**
	 * @param url such as `http://127.0.0.1:8080`
	 * @param key an API key
	 */
	constructor(url: string, key: string) {
		this.#url = url;
		this.#key = key;
	}

	/** Every plugin of the key's tenant. */
	async plugins(): Promise<PluginSummary[]> {
		return ((await this.#call("GET", "/api/v1/plugins")) as PluginList).items;
	}

	/** Installs a package with every permission that it asks for, enables it, and waits until the runtimes run it. */
	async install(fileName: string, bytes: Uint8Array): Promise<PluginChange> {
		const form = new FormData();
		form.append("grants", "all");
		form.append("enable", "true");
		form.append("file", new Blob([Buffer.from(bytes)]), fileName);
		return (await this.#call("POST", "/api/v1/plugins/install?wait=applied&waitMs=30000", form)) as PluginChange;
	}

	/** @throws Error with the problem's detail */
	async #call(method: string, path: string, body?: FormData): Promise<unknown> {
		const response = await fetch(`${this.#url}${path}`, {
			method,
			headers: { authorization: `Bearer ${this.#key}` },
			signal: AbortSignal.timeout(60_000),
			...(body === undefined ? {} : { body }),
		});
		const text = await response.text();
		if (response.ok) return JSON.parse(text);
		throw new Error(`${method} ${path} answered ${response.status}: ${describe(text)}`);
	}
}

function describe(text: string): string {
	try {
		const { code, detail, errors = [] } = JSON.parse(text) as Problem;
		return [`${code}: ${detail}`, ...errors.map(({ path, message }) => `  ${path} ${message}`)].join("\n");
	} catch {
		// Not a problem document: something else answered on this port.
		return text.slice(0, 500);
	}
}
