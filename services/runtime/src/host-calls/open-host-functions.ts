// Builds every host function that is answered in the main thread, from the bus and from what this deployment allows.
import type { StoreKind } from "@hookbus/schemas";
import type { Static } from "@sinclair/typebox";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import type { RuntimeSettings } from "../settings.js";
import { createFileFunctions } from "./files/file-functions.js";
import type { HostFunctions } from "./host-function.js";
import { createHttpFunction } from "./http/http-function.js";
import { createOnceFunction } from "./once/once-function.js";
import { createPublishFunction } from "./publish/publish-function.js";
import { createStateFunctions } from "./state/state-functions.js";
import type { Owner } from "./store/followed-ledgers.js";
import { PluginStore } from "./store/plugin-store.js";

export interface OpenHostFunctionsParts {
	/** Its streams must exist, see ensureBus. */
	readonly connection: NatsConnection;
	readonly settings: Static<typeof RuntimeSettings>;
	readonly logger: Logger;
}

export interface OpenedHostFunctions {
	readonly functions: HostFunctions;
	/** Knows nothing any more of what a plugin keeps: it may be another plugin of that name, whose stores were emptied. */
	forget(owner: Owner): void;
	/** How often what a plugin keeps gave way to what others keep. */
	evictions(): Readonly<Record<StoreKind, number>>;
	/** Stops what follows the bus for them; before the connection is closed. */
	stop(): void;
}

/** @throws Error that names the setting whose value is none */
export async function openHostFunctions({ connection, settings, logger }: OpenHostFunctionsParts): Promise<OpenedHostFunctions> {
	const state = await PluginStore.open({ kind: "state", connection, logger });
	const files = await PluginStore.open({ kind: "files", connection, logger });
	const ca = settings.HOOKBUS_HTTP_CA;
	const functions: HostFunctions = {
		http_request: createHttpFunction({
			allowedRanges: listOf(settings.HOOKBUS_HTTP_PRIVATE_RANGES),
			hosts: listOf(settings.HOOKBUS_HTTP_HOSTS),
			dnsServers: listOf(settings.HOOKBUS_HTTP_DNS_SERVERS),
			...(ca === undefined ? {} : { ca: [ca] }),
		}),
		...createStateFunctions(state),
		...createOnceFunction(state),
		...createFileFunctions(files),
		...createPublishFunction(connection),
	};
	return {
		functions,
		forget(owner) {
			state.forget(owner);
			files.forget(owner);
		},
		evictions: () => ({ state: state.evictions, files: files.evictions }),
		stop() {
			state.stop();
			files.stop();
		},
	};
}

function listOf(setting: string): string[] {
	return setting === "" ? [] : setting.split(",");
}
