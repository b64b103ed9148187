// Makes ready what runs for users with a configuration of their own: each tried out like a plugin, before the table is swapped in. One
// that fails costs only its user, who goes on with what ran for them before, or by the failure policy; what it failed with is kept, so
// that it is not tried again with each table. All tries of a table together have a limit: whoever sets a configuration that makes a
// plugin slow must not hold up the changes of everybody.
import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { CodedError, describeError, type SecretOpener } from "@hookbus/foundation";
import {
	type ActivationFault,
	NOT_TRIED_YET,
	type Permission,
	type RoutedPlugin,
	type RouteTable,
	type UserConfig,
} from "@hookbus/schemas";
import type { Logger } from "pino";
import type { LinkedModules } from "../plugin-host/linked-modules.js";
import type { PluginImage } from "../plugin-host/plugin-image.js";
import type { ChainExecutor } from "../threads/chain-executor.js";
import type { UserImage } from "../threads/thread-messages.js";
import {
	type FailedImage,
	imageKey,
	type LoadedImage,
	type MadeImage,
	makeImage,
	openSecrets,
	tryOut,
	underLimits,
} from "./make-image.js";
import type { ModuleStore } from "./module-store.js";
import type { PreparedTable } from "./prepare-table.js";

/** Users whose images are looked up before the event loop has its turn. */
const USERS_AT_ONCE = 200;

export interface PreparedUsers {
	/** What runs for each user, by the key of the table's plugin. */
	readonly images: ReadonlyMap<string, ReadonlyMap<string, UserImage>>;
	readonly taken: readonly MadeImage[];
	readonly faults: readonly ActivationFault[];
	/** What was tried and failed, by the key that its image would have. */
	readonly refused: ReadonlyMap<string, FailedTry>;
	/** Keys of images that are in service and were not tried out yet. */
	readonly untried: ReadonlySet<string>;
	/** Keys of the table's plugins of which a user's image may wait for the network or the bus. */
	readonly waits: ReadonlySet<string>;
}

interface FailedTry extends Pick<FailedImage, "code" | "message" | "secrets"> {
	/** How often it was tried. */
	readonly tries: number;
	/** Monotonic milliseconds from which on the next table tries it again; absent: never. */
	readonly againAt?: number;
	/** Not tried yet: what runs where nothing ran before. Without it a restart would leave the last users without their plugin for a while. */
	readonly untried?: MadeImage;
}

/** Milliseconds until one that was too slow is tried again; twice as many each time. A machine that was busy looks the same. */
const AGAIN_MS = 60_000;
const MAX_DOUBLINGS = 6;

export interface UsersOfTable {
	readonly table: RouteTable;
	/** How loading went for everybody, by the key of the table's plugin. */
	readonly loaded: ReadonlyMap<string, LoadedImage>;
	readonly exportsOf: (key: string) => readonly string[];
	readonly previous: Pick<PreparedTable, "table" | "images" | "imageOf" | "rights" | "users"> | undefined;
}

export interface PrepareUsersParts {
	readonly modules: Pick<ModuleStore, "get">;
	readonly secrets: SecretOpener;
	readonly executor: Pick<ChainExecutor, "probe">;
	readonly ceiling: ReadonlySet<Permission>;
	/** Milliseconds after which nothing more is tried out for a table; the rest are for the next attempt, in a moment. */
	readonly userConfigsMs: number;
	readonly logger: Logger;
}

/** Never rejects for a user's sake: what failed is in `faults`. */
export async function prepareUsers(from: UsersOfTable, parts: PrepareUsersParts): Promise<PreparedUsers> {
	const pass = new UsersPass(from, parts);
	for (const key of Object.keys(from.table.userConfigs ?? {})) await pass.prepare(key);
	return pass;
}

/** One user with the plugin as it is for them. */
interface Owner {
	readonly key: string;
	readonly own: UserConfig;
	readonly plugin: RoutedPlugin;
}

class UsersPass implements PreparedUsers {
	readonly images = new Map<string, ReadonlyMap<string, UserImage>>();
	readonly taken: MadeImage[] = [];
	readonly faults: ActivationFault[] = [];
	readonly refused = new Map<string, FailedTry>();
	readonly untried = new Set<string>();
	readonly waits = new Set<string>();
	readonly #from: UsersOfTable;
	readonly #parts: PrepareUsersParts;
	/** By the key of the image: users with the same configuration share one. */
	readonly #made: Map<string, MadeImage>;
	readonly #tryUntil: number;

	constructor(from: UsersOfTable, parts: PrepareUsersParts) {
		this.#from = from;
		this.#parts = parts;
		this.#tryUntil = performance.now() + parts.userConfigsMs;
		this.#made = new Map([...from.loaded.values()].flatMap((one) => ("image" in one ? [[one.image.key, one]] : [])));
	}

	async prepare(key: string): Promise<void> {
		const { table, loaded } = this.#from;
		const forAll = loaded.get(key);
		const routed = table.plugins[key];
		if (forAll === undefined || routed === undefined) return;
		const users = new Map<string, UserImage>();
		this.images.set(key, users);
		const before = this.faults.length;
		for (const own of table.userConfigs?.[key] ?? []) {
			const { configRevision } = own;
			const plugin: RoutedPlugin = { ...routed, configRevision, config: { ...routed.config, ...own.config } };
			users.set(own.user, await this.#imageFor({ key, own, plugin }, forAll));
			// Events come first, however many users there are.
			if (users.size % USERS_AT_ONCE === 0) await nextTurn();
		}
		// The one of before where nothing is different: a thread then gets nothing new.
		const known = this.#from.previous?.users.images.get(key);
		if (known !== undefined && isDeepStrictEqual(known, users)) this.images.set(key, known);
		const failed = this.faults.slice(before);
		if (failed.length === 0) return;
		const { name, version } = routed;
		this.#parts.logger.warn(
			{ tenant: table.tenant, plugin: name, version, users: failed.length, code: failed[0]?.code },
			`the own configurations of some users cannot be taken into service; the first: ${failed[0]?.message}`,
		);
	}

	async #imageFor(owner: Owner, forAll: LoadedImage): Promise<UserImage> {
		const { key, own, plugin } = owner;
		// Nobody's configuration would help: that is the plugin's fault, and stands there.
		const isModule = "code" in forAll && forAll.modules === undefined;
		const loaded = isModule ? await this.#withOwnSecrets(owner, forAll) : await this.#load(owner, forAll);
		if ("image" in loaded) return this.#take(key, loaded);
		const earlier = (await this.#earlier(owner, loaded.secrets ?? {})) ?? loaded.untried;
		if (earlier !== undefined && earlier === loaded.untried) this.untried.add(earlier.image.key);
		if (!isModule) {
			const { name, version } = plugin;
			const running = earlier === undefined ? {} : { running: earlier.image.version };
			this.faults.push({ plugin: name, version, code: loaded.code, message: loaded.message, ...running, user: own.user });
		}
		if (earlier !== undefined) return this.#take(key, earlier);
		return { image: undefined, version: plugin.version, digest: plugin.digest, loadFault: loaded.message };
	}

	#take(key: string, made: MadeImage): UserImage {
		const { image } = made;
		this.taken.push(made);
		if (image.waits) this.waits.add(key);
		return { image: image.key, version: image.version, digest: image.digest };
	}

	async #load({ key, own, plugin }: Owner, forAll: LoadedImage): Promise<MadeImage | FailedTry> {
		const { table, previous, exportsOf } = this.#from;
		const itsKey = imageKey(table.tenant, plugin, exportsOf(key));
		const known = this.#made.get(itsKey) ?? this.refused.get(itsKey);
		if (known !== undefined) return known;
		const unchanged = previous?.users.untried.has(itsKey) === true ? undefined : previous?.images.get(itsKey);
		if (unchanged !== undefined) return this.#keep(itsKey, { image: unchanged, rights: previous?.rights.get(itsKey) });
		const modules = "image" in forAll ? forAll.image.modules : forAll.modules;
		const ofAll = "image" in forAll ? forAll.rights?.secrets : forAll.secrets;
		const failed = previous?.users.refused.get(itsKey);
		const isOver = failed !== undefined && performance.now() < (failed.againAt ?? Number.POSITIVE_INFINITY);
		if (isOver) return this.#refuse(itsKey, failed);
		const loaded = await this.#make(itsKey, own, plugin, modules, ofAll ?? {});
		if ("image" in loaded) return this.#keep(itsKey, loaded);
		if (loaded.code === NOT_TRIED_YET) return failed === undefined ? { ...loaded, tries: 0 } : this.#refuse(itsKey, failed);
		const tries = (failed?.tries ?? 0) + 1;
		const again = { againAt: performance.now() + AGAIN_MS * 2 ** Math.min(tries - 1, MAX_DOUBLINGS) };
		return this.#refuse(itsKey, { ...loaded, tries, ...(loaded.code === "timeout" ? again : {}) });
	}

	async #make(
		key: string,
		own: UserConfig,
		plugin: RoutedPlugin,
		modules: LinkedModules | undefined,
		secretsOfAll: Readonly<Record<string, string>>,
	): Promise<MadeImage | Omit<FailedTry, "tries">> {
		const { tenant } = this.#from.table;
		const { executor, ceiling } = this.#parts;
		if (modules === undefined) throw new Error(`plugin ${plugin.name} has no modules to make the image of a user from`);
		let secrets: Readonly<Record<string, string>> | undefined;
		try {
			secrets = { ...secretsOfAll, ...(await this.#openOwn(own, plugin)) };
			const made = makeImage(tenant, plugin, { key, modules, secrets, ceiling, ofUsers: true });
			if (performance.now() > this.#tryUntil) {
				const message = `those before it took ${this.#parts.userConfigsMs} ms together; it is tried out in a moment`;
				return { code: NOT_TRIED_YET, message, secrets, untried: made };
			}
			const fault = await tryOut(made.image, executor);
			return fault === undefined ? made : { code: fault.code, message: fault.message, secrets };
		} catch (thrown) {
			const code = thrown instanceof CodedError ? thrown.code : "load_failed";
			return { code, message: describeError(thrown), secrets };
		}
	}

	/** What goes on for a user while a module cannot be had goes on with that user's secrets, not with everybody's. */
	async #withOwnSecrets({ own, plugin }: Owner, failed: FailedImage): Promise<Omit<FailedTry, "tries">> {
		try {
			return { ...failed, secrets: { ...failed.secrets, ...(await this.#openOwn(own, plugin)) } };
		} catch {
			// Why it cannot be opened is said when the module is there.
			return { ...failed, secrets: undefined };
		}
	}

	#openOwn(own: UserConfig, { name, grants }: RoutedPlugin): Promise<Record<string, string>> {
		return openSecrets(this.#from.table.tenant, { name, grants, secrets: own.secrets }, this.#parts.secrets, own.user);
	}

	#keep(key: string, made: MadeImage): MadeImage {
		this.#made.set(key, made);
		return made;
	}

	#refuse(key: string, failed: FailedTry): FailedTry {
		this.refused.set(key, failed);
		return failed;
	}

	/**
	 * What ran for the user before, with the limits and the secrets of now: else somebody could keep the old ones by a configuration that
	 * fails. Under a key of its own, so that nobody else who has the same image gets this user's secrets.
	 */
	async #earlier({ key, own, plugin }: Owner, secrets: Readonly<Record<string, string>>): Promise<MadeImage | undefined> {
		const { previous, table } = this.#from;
		const before = previous && ranFor(own.user, key, plugin.name, previous);
		if (before === undefined || table.recalled?.includes(before.digest)) return undefined;
		const { limits } = plugin;
		try {
			const image = await underLimits(before, { limits, configRevision: own.configRevision }, this.#parts.modules);
			const its = previous?.rights.get(before.key);
			return { image: { ...image, ofUsers: true }, rights: its && { ...its, limits, secrets } };
		} catch (thrown) {
			this.#parts.logger.warn(
				{ plugin: before.name, version: before.version, error: describeError(thrown) },
				"what ran for a user cannot go on with its new limits",
			);
			return undefined;
		}
	}
}

/** The image that ran for a user; everybody's where the user had no configuration of their own. `undefined`: none did. */
function ranFor(
	user: string,
	key: string,
	name: string,
	{ table, images, imageOf, users }: NonNullable<UsersOfTable["previous"]>,
): PluginImage | undefined {
	// A binding that changed has another key.
	const others = Object.entries(table.plugins).flatMap(([other, plugin]) => (plugin.name === name ? [other] : []));
	for (const candidate of [key, ...others]) {
		const own = users.images.get(candidate)?.get(user);
		// What was not tried yet and fails now never ran well.
		if (own !== undefined) return own.image === undefined || users.untried.has(own.image) ? undefined : images.get(own.image);
	}
	return [key, ...others].map((candidate) => imageOf.get(candidate)).find((image) => image !== undefined);
}
