// A marketplace on this machine: a web server with files, an index signed with its own key, and whatever misbehaviour a test needs.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type IndexEntry, type MarketplaceIndex, type PackageSignature, sha256Of, signIndex } from "@hookbus/schemas";
import type { BuiltPackage } from "./build-package.js";
import { closeAfter } from "./close-after.js";
import { makeSigner, type Signer } from "./make-signer.js";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** What an index says besides what the marketplace fills in. */
export type IndexChange = Partial<Omit<MarketplaceIndex, "spec" | "keyId" | "signature">>;

export class TestMarketplace {
	readonly url: string;
	readonly signer: Signer = makeSigner();
	number = 0;
	readonly #files = new Map<string, Serve>();
	#plugins: IndexEntry[] = [];

	private constructor(url: string) {
		this.url = url;
	}

	/** Closed with the test. */
	static async start(): Promise<TestMarketplace> {
		let marketplace: TestMarketplace | undefined;
		const server = createServer((request, response) => {
			response.setHeader("connection", "close");
			marketplace?.answer(request, response);
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		closeAfter(
			() =>
				new Promise<void>((resolve) => {
					server.closeAllConnections();
					server.close(() => resolve());
				}),
		);
		marketplace = new TestMarketplace(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
		return marketplace;
	}

	get indexUrl(): string {
		return `${this.url}/index.json`;
	}

	answer(request: IncomingMessage, response: ServerResponse): void {
		const serve = this.#files.get(request.url ?? "");
		if (serve === undefined) response.writeHead(404).end();
		else serve(request, response);
	}

	/** Serves a file under a path such as `/index.json`. */
	serve(path: string, what: Serve | string | Uint8Array): void {
		this.#files.set(path, typeof what === "function" ? what : (_request, response) => response.end(what));
	}

	/** Offers a package from the next index on; of an entry that is named, what is given differs from the truth. */
	offer(built: BuiltPackage, says: Partial<IndexEntry> = {}): IndexEntry {
		const { name, version, description, tags, category, author } = built.manifest as unknown as IndexEntry;
		const path = `/${name}-${version}.zip`;
		this.serve(path, built.zip);
		const signature = built.entries.find((entry) => entry.name === "signature.json")?.content;
		const entry: IndexEntry = {
			name,
			version,
			digest: sha256Of(built.zip),
			module: sha256Of(built.module),
			size: built.zip.length,
			url: path.slice(1),
			tags: tags ?? [],
			description,
			...(category === undefined ? {} : { category }),
			...(author === undefined ? {} : { author }),
			manifest: built.manifest,
			...(signature === undefined ? {} : { signature: JSON.parse(String(signature)) as PackageSignature }),
			...says,
		};
		this.#plugins = [...this.#plugins.filter((other) => other.name !== name || other.version !== version), entry];
		return entry;
	}

	/** Takes everything back from the next index on. */
	offerNothing(): void {
		this.#plugins = [];
	}

	/** Serves the next index. */
	publish(change: IndexChange = {}): MarketplaceIndex {
		this.number = change.number ?? this.number + 1;
		const index = this.sign(change);
		this.serve("/index.json", JSON.stringify(index));
		return index;
	}

	/** An index of the number that is served now. */
	sign(change: IndexChange = {}, privateKey = this.signer.privateKey): MarketplaceIndex {
		const now = Date.now();
		return signIndex(
			{
				name: "Test market",
				number: this.number,
				issuedAt: new Date(now - 1_000).toISOString(),
				expiresAt: new Date(now + 3_600_000).toISOString(),
				plugins: this.#plugins,
				recalls: [],
				...change,
			},
			privateKey,
		);
	}
}
