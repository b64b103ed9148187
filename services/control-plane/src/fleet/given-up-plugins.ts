// Disables plugins that runtimes have given up. A runtime stops to run a plugin that keeps failing by itself, but only for
// itself and without anybody knowing: here it becomes a change like any other, with its reason, and a notice. What is heard goes
//
//   heard      in a heartbeat, by name, version and revision  → looked at, one after the other
//   looked at  does not apply: disabled already, another version, or enabled or changed since   → done
//              applies → disabled in one transaction, which looks once more                     → done
//              the database cannot be reached → forgotten, so that the next heartbeat brings it again
//   done       repeated by every runtime with every heartbeat; looked at again after a while only
//
// A late heartbeat cannot undo an admin's "enable": each enabling (and each change of what runs) is written down with its
// revision, and what a runtime says about an older one does not count.
import { describeError } from "@hookbus/foundation";
import { type BreakerStatus, type DisabledReason, type Notice, noticeSubject, type RuntimeStatus } from "@hookbus/schemas";
import type { Logger } from "pino";
import { systemActor } from "../audit/actor.js";
import type { BusLink } from "../bus/bus-link.js";
import { storable } from "../checks/unstorable-text.js";
import type { Database, Queries } from "../database/database.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import { findPlugin, updatePlugin } from "../plugins/repository.js";
import { commitChange } from "../routing/commit-change.js";
import { createSerialQueue } from "../serial-queue.js";
import type { RuntimeFleet } from "./runtime-fleet.js";

/** Milliseconds until the same report is looked at again. */
const LOOK_AGAIN_MS = 60_000;
/** Reports that are remembered; the oldest are forgotten first, and then looked at again. */
const MAX_REMEMBERED = 10_000;

export interface GivenUpPluginsParts {
	readonly fleet: Pick<RuntimeFleet, "onHeartbeat">;
	readonly link: BusLink;
	readonly database: Database;
	readonly metrics: ControlPlaneMetrics;
	readonly logger: Logger;
	/** Something was committed. */
	readonly onChange: () => void;
}

interface Report extends BreakerStatus {
	readonly runtime: string;
}

export class GivenUpPlugins {
	readonly #parts: GivenUpPluginsParts;
	/** When each report may be looked at again, performance.now(). */
	readonly #heard = new Map<string, number>();
	readonly #oneAtATime = createSerialQueue();
	#unlisten: (() => void) | undefined;

	constructor(parts: GivenUpPluginsParts) {
		this.#parts = parts;
	}

	start(): void {
		this.#unlisten = this.#parts.fleet.onHeartbeat((status) => this.#hear(status));
	}

	/** Finishes what was heard. Idempotent. */
	async stop(): Promise<void> {
		this.#unlisten?.();
		await this.#oneAtATime(async () => undefined);
	}

	#hear({ runtime, breakers }: RuntimeStatus): void {
		const now = performance.now();
		for (const breaker of breakers ?? []) {
			if (breaker.state !== "given_up") continue;
			const key = [breaker.tenant, breaker.plugin, breaker.version, breaker.revision].join(" ");
			if (now < (this.#heard.get(key) ?? 0)) continue;
			this.#remember(key, now + LOOK_AGAIN_MS);
			void this.#oneAtATime(() => this.#look({ ...breaker, runtime }, key));
		}
	}

	#remember(key: string, until: number): void {
		this.#heard.delete(key);
		this.#heard.set(key, until);
		const [oldest] = this.#heard.keys();
		if (this.#heard.size > MAX_REMEMBERED && oldest !== undefined) this.#heard.delete(oldest);
	}

	/** Never rejects. */
	async #look(report: Report, key: string): Promise<void> {
		const { database, logger, metrics, onChange } = this.#parts;
		const { tenant, plugin, version } = report;
		try {
			if (!(await database.of(tenant).query((queries) => applies(queries, report)))) return;
			const reason = reasonOf(report);
			if (!(await disable(database, report, reason))) return;
			logger.warn(
				{ tenant, plugin, version, runtime: report.runtime, reason: reason.reason },
				"a plugin kept failing and was disabled",
			);
			metrics.pluginsDisabled.inc();
			onChange();
			this.#tell({ spec: "1", kind: "plugin_disabled", tenant, plugin, version, reason: reason.reason, time: reason.time });
		} catch (thrown) {
			this.#heard.delete(key);
			logger.warn(
				{ tenant, plugin, version, error: describeError(thrown) },
				"a plugin that was given up cannot be disabled now; tried again",
			);
		}
	}

	/** Core NATS: who is not listening finds the reason at the plugin. */
	#tell(notice: Notice): void {
		const connection = this.#parts.link.ready?.connection;
		if (connection === undefined) this.#parts.logger.warn({ notice }, "a notice could not be published: NATS is not there");
		else connection.publish(noticeSubject(notice.tenant), JSON.stringify(notice));
	}
}

async function applies(queries: Queries, { tenant, plugin, version, revision }: Report): Promise<boolean> {
	const row = await findPlugin(queries, tenant, plugin);
	if (row === undefined || !row.enabled || row.version !== version) return false;
	return revision >= (row.changedRevision ?? 0);
}

function reasonOf({ reason, version, runtime }: Report): DisabledReason {
	return { reason: storable(reason), time: new Date().toISOString(), version, runtime };
}

/** False when somebody else was faster. */
async function disable(database: Database, report: Report, disabledReason: DisabledReason): Promise<boolean> {
	const { tenant, plugin, version, openings, runtime, since, revision } = report;
	const { changed } = await commitChange(database, systemActor(tenant), async (queries) => {
		if (!(await applies(queries, report))) return { result: undefined, audit: undefined };
		await updatePlugin(queries, tenant, plugin, { enabled: false, disabledReason });
		const detail = { version, reason: disabledReason.reason, openings, runtime, since: storable(since), revision };
		return { result: undefined, audit: { action: "plugin.auto_disable", target: plugin, detail } };
	});
	return changed;
}
