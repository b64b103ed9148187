// `npm start`: from a fresh clone to a bus that runs, with its sample plugins, and back down again in order.
import { relative } from "node:path";
import { buildAll } from "./build.js";
import { createProgress } from "./progress.js";
import { terminalFor } from "./show/terminal.js";

const progress = createProgress(process.stderr);

/** Resolves with the exit code. */
async function main(): Promise<number> {
	await buildAll(progress);
	// These need what was just built.
	const { HELP, readStartSettings } = await import("./start/settings.js");
	const settings = readStartSettings(process.argv.slice(2), process.env);
	if (settings.help) {
		process.stdout.write(HELP);
		return 0;
	}
	const { listenForStop } = await import("./start/stop-signals.js");
	const { openHome, readAdminKey } = await import("./start/home.js");
	const { startLocalBus } = await import("./start/local-bus.js");
	const { RestApi } = await import("./start/rest-api.js");
	const { installSamples } = await import("./start/sample-plugins.js");
	const { sendFirstEvent } = await import("./start/first-event.js");
	const { reportAsJson, reportAsText } = await import("./start/report.js");

	const signals = listenForStop(process, progress.note);
	const home = openHome(settings.home);
	const keyBefore = readAdminKey(home);
	const bus = await startLocalBus(settings, home, progress, signals.watch);
	try {
		const key = readAdminKey(home);
		if (key === undefined) {
			throw new Error(
				`the database has API keys already, and ${home.adminKeyFile} does not exist; put an admin key of the tenant ${bus.running.tenant} there`,
			);
		}
		const plugins = await installSamples(new RestApi(bus.running.apiUrl, key), home, progress);
		const event = await sendFirstEvent(bus.running.natsUrl, bus.running.tenant, plugins);
		const report = {
			running: bus.running,
			home: relative(process.cwd(), home.dir) || ".",
			adminKeyFile: relative(process.cwd(), home.adminKeyFile),
			adminKey: keyBefore === undefined ? key : undefined,
			plugins,
			event,
		};
		const text = settings.json ? JSON.stringify(reportAsJson(report)) : reportAsText(report, terminalFor(process.stdout));
		process.stdout.write(`${text}\n`);
		if (settings.once) return event.fault === undefined ? 0 : 1;
		progress.note("Ctrl-C stops it.");
		await signals.first;
		return 0;
	} finally {
		await bus.stop();
		progress.note("stopped");
	}
}

main().then(
	(code) => process.exit(code),
	(thrown: unknown) => {
		console.error(thrown instanceof Error ? thrown.message : thrown);
		process.exit(1);
	},
);
