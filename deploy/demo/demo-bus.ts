// The bus that the demo talks to: the one that NATS_URL names, the one that `npm start` runs, else one of its own on
// temporary data, with the sample plugins.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Progress } from "../local/progress.js";
import { openHome, readAdminKey, readRunningBus } from "../local/start/home.js";
import { startLocalBus } from "../local/start/local-bus.js";
import { RestApi } from "../local/start/rest-api.js";
import { installSamples } from "../local/start/sample-plugins.js";
import { readStartSettings } from "../local/start/settings.js";
import { listenForStop } from "../local/start/stop-signals.js";

export interface DemoBus {
	readonly natsUrl: string;
	readonly tenant: string;
	close(): Promise<void>;
}

export async function openDemoBus(progress: Progress): Promise<DemoBus> {
	const settings = readStartSettings([], process.env);
	if (settings.natsUrl !== undefined) {
		progress.note(`using the bus at NATS_URL, ${settings.natsUrl}`);
		return { natsUrl: settings.natsUrl, tenant: "default", close: async () => undefined };
	}
	const running = readRunningBus(settings.home);
	if (running !== undefined) {
		progress.note(`using the bus that runs at ${running.natsUrl}`);
		return { natsUrl: running.natsUrl, tenant: running.tenant, close: async () => undefined };
	}
	progress.note("no bus is running; starting one on temporary data");
	return await startTemporaryBus(progress);
}

async function startTemporaryBus(progress: Progress): Promise<DemoBus> {
	const dir = mkdtempSync(join(tmpdir(), "hookbus-demo-"));
	const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
	// Own database and own settings: what the person has set is for their own bus.
	const { DATABASE_URL: _database, ...env } = process.env;
	const settings = readStartSettings([], env);
	const signals = listenForStop(process, progress.note);
	const home = openHome(dir);
	try {
		const bus = await startLocalBus(settings, home, progress, signals.watch);
		const close = async (): Promise<void> => {
			await bus.stop();
			remove();
		};
		void signals.first.then(close).then(() => process.exit(130));
		try {
			const key = readAdminKey(home);
			if (key === undefined) throw new Error("the control plane made no admin key");
			await installSamples(new RestApi(bus.running.apiUrl, key), home, progress);
		} catch (thrown) {
			await close();
			throw thrown;
		}
		return { natsUrl: bus.running.natsUrl, tenant: bus.running.tenant, close };
	} catch (thrown) {
		remove();
		throw thrown;
	}
}
