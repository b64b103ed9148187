// Queries on the global configuration of plugins.
import type { SealedSecret } from "@hookbus/schemas";
import { and, eq, sql } from "drizzle-orm";
import type { Queries } from "../database/database.js";
import { pluginConfigs } from "../database/tables/plugin-configs.js";
import type { Config } from "./merge-config.js";

export interface StoredConfig {
	/** What an admin set, without defaults. */
	readonly config: Config;
	readonly secrets: Readonly<Record<string, SealedSecret>>;
	/** null: nothing was set yet. */
	readonly updatedAt: Date | null;
}

export async function findConfig(queries: Queries, tenant: string, plugin: string): Promise<StoredConfig> {
	const [row] = await queries
		.select()
		.from(pluginConfigs)
		.where(and(eq(pluginConfigs.tenant, tenant), eq(pluginConfigs.plugin, plugin)));
	return row ?? { config: {}, secrets: {}, updatedAt: null };
}

export async function saveConfig(
	queries: Queries,
	tenant: string,
	plugin: string,
	stored: Pick<StoredConfig, "config" | "secrets">,
): Promise<void> {
	await queries
		.insert(pluginConfigs)
		.values({ tenant, plugin, ...stored })
		.onConflictDoUpdate({
			target: [pluginConfigs.tenant, pluginConfigs.plugin],
			set: { ...stored, updatedAt: sql`now()` },
		});
}
