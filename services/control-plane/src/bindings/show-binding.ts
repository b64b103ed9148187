// A binding as REST shows it.
import { ALL_ASSISTANTS, type Binding } from "@hookbus/schemas";
import type { BindingRow } from "./repository.js";

export function showBinding(row: BindingRow): Binding {
	return {
		plugin: row.plugin,
		assistant: row.assistant ?? ALL_ASSISTANTS,
		enabled: row.enabled,
		...(row.order === null ? {} : { order: row.order }),
		...(row.mode === null ? {} : { mode: row.mode }),
		...(row.onError === null ? {} : { onError: row.onError }),
		...(row.timeoutMs === null ? {} : { timeoutMs: row.timeoutMs }),
		...(row.config === null ? {} : { config: row.config }),
		...(row.percentage === null ? {} : { percentage: row.percentage }),
		...(row.optIn === null ? {} : { optIn: row.optIn }),
		...(typeof row.recordPatches === "boolean" ? { recordPatches: row.recordPatches } : {}),
		mandatory: row.mandatory,
		createdAt: row.createdAt.toISOString(),
		updatedAt: row.updatedAt.toISOString(),
	};
}
