// Calls the REST API as a caller would, over HTTP, and checks that every answer has the shape that the OpenAPI document
// promises: a field that the document does not name, or lacks, fails the test that met it.
import { type Schema, Validator } from "@cfworker/json-schema";
import { waitFor } from "./wait-for.js";

export interface Answer<T = unknown> {
	readonly status: number;
	readonly headers: Headers;
	readonly body: T;
}

/** A problem document, as far as tests look into it. */
export interface ProblemBody {
	readonly code: string;
	readonly detail: string;
	readonly status: number;
	readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

interface OpenApi {
	readonly paths: Readonly<Record<string, Readonly<Record<string, { responses?: Record<string, ResponseObject> }>>>>;
	readonly components: { readonly schemas: Record<string, unknown> };
}
interface ResponseObject {
	readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
}

export interface Package {
	/** Bytes of the .zip or .wasm. */
	readonly file: Uint8Array;
	readonly fields?: Readonly<Record<string, string>>;
}

export class ApiClient {
	readonly url: string;
	readonly #key: string | undefined;
	#document: Promise<OpenApi> | undefined;

	constructor(url: string, key: string | undefined) {
		this.url = url;
		this.#key = key;
	}

	/** The same service, called with another key; without one when it is undefined. */
	as(key: string | undefined): ApiClient {
		return new ApiClient(this.url, key);
	}

	get<T = unknown>(path: string): Promise<Answer<T>> {
		return this.call<T>("GET", path);
	}

	post<T = unknown>(path: string, body?: unknown): Promise<Answer<T>> {
		return this.call<T>("POST", path, body);
	}

	put<T = unknown>(path: string, body?: unknown): Promise<Answer<T>> {
		return this.call<T>("PUT", path, body);
	}

	delete<T = unknown>(path: string): Promise<Answer<T>> {
		return this.call<T>("DELETE", path);
	}

	/** POST /api/v1/plugins/install */
	install<T = unknown>(sent: Package, query = ""): Promise<Answer<T>> {
		return this.call<T>("POST", `/api/v1/plugins/install${query}`, form(sent));
	}

	/** PUT /api/v1/plugins/:name */
	update<T = unknown>(name: string, sent: Package, query = ""): Promise<Answer<T>> {
		return this.call<T>("PUT", `/api/v1/plugins/${name}${query}`, form(sent));
	}

	/** A body that is a form or text goes out as it is, everything else as JSON. */
	async call<T = unknown>(
		method: string,
		path: string,
		body?: unknown,
		headers: Record<string, string> = {},
	): Promise<Answer<T>> {
		const plain = body instanceof FormData || typeof body === "string" || body === undefined;
		const response = await fetch(`${this.url}${path}`, {
			method,
			headers: {
				// Each call on its own connection, so that nothing is left open when the test ends.
				connection: "close",
				...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
				...(plain ? {} : { "content-type": "application/json" }),
				...headers,
			},
			...(body === undefined ? {} : { body: plain ? (body as FormData | string) : JSON.stringify(body) }),
		});
		const text = await response.text();
		const type = response.headers.get("content-type") ?? "";
		const parsed: unknown = /json/.test(type) ? JSON.parse(text) : text;
		await this.#checkShape(method, path, response.status, parsed);
		return { status: response.status, headers: response.headers, body: parsed as T };
	}

	/** Waits until the service is ready and NATS can be used. */
	async ready(): Promise<void> {
		await waitFor(
			"the control plane is ready, NATS too",
			async () => {
				const response = await fetch(`${this.url}/readyz`, { headers: { connection: "close" } });
				const { reasons } = (await response.json()) as { reasons: string[] };
				return response.status === 200 && reasons.length === 0;
			},
			{ timeoutMs: 60_000 },
		);
	}

	async #checkShape(method: string, path: string, status: number, body: unknown): Promise<void> {
		this.#document ??= fetch(`${this.url}/openapi.json`, { headers: { connection: "close" } }).then(
			(response) => response.json() as Promise<OpenApi>,
		);
		const document = await this.#document;
		const pathname = path.split("?")[0] as string;
		const template = Object.keys(document.paths)
			.filter((candidate) => matches(candidate, pathname))
			.sort((a, b) => a.split("{").length - b.split("{").length)[0];
		const responses = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()]?.responses;
		const response = responses?.[String(status)] ?? responses?.[`${Math.floor(status / 100)}XX`];
		if (response === undefined) {
			if (status < 400 && pathname.startsWith("/api/"))
				throw new Error(`${method} ${pathname} answered ${status}, which the OpenAPI document does not name`);
			return;
		}
		const schema = Object.values(response.content ?? {})[0]?.schema;
		if (schema === undefined) return;
		const whole = { ...(schema as object), components: document.components } as unknown as Schema;
		const { valid, errors } = new Validator(whole, "2020-12", false).validate(body);
		if (!valid) {
			const why = errors.map((error) => `${error.instanceLocation} ${error.error}`).join("; ");
			throw new Error(
				`${method} ${pathname} answered ${status} in another shape than documented: ${why}\n${JSON.stringify(body)}`,
			);
		}
	}
}

function matches(template: string, path: string): boolean {
	const wanted = template.split("/");
	const given = path.split("/");
	return wanted.length === given.length && wanted.every((part, index) => part.startsWith("{") || part === given[index]);
}

function form({ file, fields }: Package): FormData {
	const data = new FormData();
	for (const [name, value] of Object.entries(fields ?? {})) data.append(name, value);
	data.append("file", new Blob([Buffer.from(file)]), "package");
	return data;
}
