// The changes that a control plane is killed in, each with what an admin knows when it is acknowledged.
import { createHash } from "node:crypto";
import type { Answer, ApiClient } from "../../support/api-client.js";
import { type BuiltPackage, buildPackage } from "../../support/build-package.js";
import { type KnownConfig, type KnownPlugin, type KnownState, withPlugin } from "./known-state.js";
import type { Choices } from "./seeded.js";

export const KINDS = [
	"install",
	"import",
	"update",
	"enable",
	"disable",
	"configure",
	"bind",
	"unbind",
	"rollback",
	"delete",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Change {
	readonly kind: Kind;
	readonly plugin: string;
	/** What is there when it was made. */
	readonly after: KnownState;
	/** Calls for the change; the key is that of every repetition. */
	send(api: ApiClient, key: string): Promise<Answer>;
	/** False: a repeated call is known by what it brings, not by its key. */
	readonly isKeyed: boolean;
}

/** A snapshot that can be rolled back to. */
export interface KnownSnapshot {
	readonly revision: number;
	readonly version: string;
	readonly config: KnownConfig;
}

/** The only one that may keep something; after its deletion its name waits until that is removed. */
export const KEEPER = "gamma";
const NAMES = ["alpha", "beta", KEEPER];
const MOST_VERSIONS = 5;
const CONFIG = {
	type: "object",
	properties: { level: { type: "integer" }, token: { type: "string", secret: true } },
	additionalProperties: false,
};

export class Changes {
	readonly #choices: Choices;
	readonly #packages = new Map<string, Promise<BuiltPackage>>();
	#count = 0;

	constructor(choices: Choices) {
		this.#choices = choices;
	}

	/** A change that can be made in this state; of one of these kinds, when any of them can. */
	next(
		state: KnownState,
		snapshots: ReadonlyMap<string, readonly KnownSnapshot[]>,
		kinds: readonly Kind[] = KINDS,
	): Promise<Change> {
		const possible = NAMES.flatMap((name) =>
			possibleKinds(state[name], snapshots.get(name) ?? []).map((kind) => ({ kind, name })),
		);
		const wanted = possible.filter(({ kind }) => kinds.includes(kind));
		const among = wanted.length > 0 ? wanted : possible;
		// First the kind, then the plugin: else what can be done to every plugin would be done most.
		const kind = this.#choices.one([...new Set(among.map((candidate) => candidate.kind))]);
		const { name } = this.#choices.one(among.filter((candidate) => candidate.kind === kind));
		return this.#make(kind, name, state, snapshots.get(name) ?? []);
	}

	async #make(kind: Kind, name: string, state: KnownState, snapshots: readonly KnownSnapshot[]): Promise<Change> {
		this.#count += 1;
		const path = `/api/v1/plugins/${name}`;
		const known = state[name];
		const change = (plugin: KnownPlugin | undefined, send: Change["send"], isKeyed = true): Change => ({
			kind,
			plugin: name,
			after: withPlugin(state, name, plugin),
			send,
			isKeyed,
		});
		const call =
			(method: string, target: string, body?: unknown): Change["send"] =>
			(api, key) =>
				api.call(method, target, body, { "idempotency-key": key });
		if (known === undefined) {
			const { zip, module, manifest } = await this.#package(name, "1.0.0");
			const enabled = this.#choices.fraction() < 0.7;
			const config = { level: undefined, token: undefined };
			const plugin = { version: "1.0.0", versions: { "1.0.0": digestOf(module) }, enabled, config, bot: undefined };
			if (kind === "install") {
				const fields = { grants: "all", enable: String(enabled) };
				return change(plugin, (api) => api.install({ file: zip, fields }), false);
			}
			const body = { manifest, module: Buffer.from(module).toString("base64"), grants: "all", enable: enabled };
			return change(plugin, call("POST", "/api/v1/plugins/install", body));
		}
		switch (kind) {
			case "update": {
				const version = `${Object.keys(known.versions).length + 1}.0.0`;
				const { zip, module } = await this.#package(name, version);
				const versions = { ...known.versions, [version]: digestOf(module) };
				return change({ ...known, version, versions }, (api) => api.update(name, { file: zip }), false);
			}
			case "enable":
			case "disable":
				return change({ ...known, enabled: kind === "enable" }, call("POST", `${path}/${kind}`));
			case "configure": {
				const config = { level: this.#count, token: `secret number ${this.#count}` };
				return change({ ...known, config }, call("PUT", `${path}/config`, { config }));
			}
			case "bind": {
				const bot = { enabled: this.#choices.fraction() < 0.5, order: this.#count };
				return change({ ...known, bot }, call("PUT", `/api/v1/assistants/bot/plugins/${name}`, bot));
			}
			case "unbind":
				return change({ ...known, bot: undefined }, call("DELETE", `/api/v1/assistants/bot/plugins/${name}`));
			case "rollback": {
				const { revision, version, config } = this.#choices.one(snapshots);
				return change({ ...known, version, config }, call("POST", `${path}/rollback`, { revision }));
			}
			case "delete":
				return change(undefined, call("DELETE", path));
			default:
				throw new Error(`plugin ${name} is there: it cannot be changed by ${kind}`);
		}
	}

	#package(name: string, version: string): Promise<BuiltPackage> {
		const key = `${name} ${version}`;
		const manifest = {
			config: CONFIG,
			hooks: [{ hook: "on_chat_message", effect: "gate" }],
			limits: { timeoutMs: 5_000 },
			permissions: ["read_messages", ...(name === KEEPER ? ["state", "write_files"] : [])],
		};
		const built = this.#packages.get(key) ?? buildPackage({ name, version, salt: key, manifest });
		this.#packages.set(key, built);
		return built;
	}
}

function possibleKinds(known: KnownPlugin | undefined, snapshots: readonly KnownSnapshot[]): Kind[] {
	if (known === undefined) return ["install", "import"];
	return [
		known.enabled ? "disable" : "enable",
		"configure",
		"bind",
		"delete",
		...(Object.keys(known.versions).length < MOST_VERSIONS ? (["update"] as const) : []),
		...(known.bot === undefined ? [] : (["unbind"] as const)),
		...(snapshots.length > 1 ? (["rollback"] as const) : []),
	];
}

function digestOf(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}
