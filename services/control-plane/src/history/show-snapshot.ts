// A snapshot as REST shows it: of its secrets only their names.
import type { PluginSnapshot } from "@hookbus/schemas";
import type { SnapshotRow } from "./repository.js";

export function showSnapshot(row: SnapshotRow): PluginSnapshot {
	return {
		revision: row.revision,
		version: row.version,
		enabled: row.enabled,
		config: row.config,
		secretsSet: Object.keys(row.secrets).sort(),
		grants: [...row.grants],
		network: [...row.network],
		limits: row.limits ?? {},
		...(row.restored === null ? {} : { restored: row.restored }),
		by: row.by,
		at: row.at.toISOString(),
	};
}
