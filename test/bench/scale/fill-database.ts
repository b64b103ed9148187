// Fills a database with a large tenant: ten thousand plugins with a module each, ten of them bound to each of a thousand assistants,
// and a million executions of the last thirty days, with the figures that are counted from them.
import type postgres from "postgres";

export interface Size {
	readonly plugins: number;
	readonly assistants: number;
	readonly executions: number;
}

/** Days over which the executions are spread. */
export const DAYS = 30;

/** @param module what each plugin's module begins with; a section with the plugin's number makes it another one */
export async function fillDatabase(sql: postgres.Sql, size: Size, module: Uint8Array): Promise<void> {
	const perAssistant = Math.ceil(size.plugins / size.assistants);
	await sql`INSERT INTO plugins (tenant, name, version, enabled)
		SELECT 'default', 'plugin-' || n, '1.0.0', true FROM generate_series(1, ${size.plugins}) AS n`;
	await sql`INSERT INTO plugin_versions (tenant, plugin, version, digest, size, manifest, module, created_by)
		SELECT 'default', 'plugin-' || n, '1.0.0', encode(sha256(bytes), 'hex'), length(bytes), jsonb_build_object(
			'spec', '1', 'name', 'plugin-' || n, 'version', '1.0.0', 'hookbus', '^1.0.0',
			'description', 'Plugin number ' || n || ' of a large tenant, with a description of the usual length for the list.',
			'author', 'Somebody', 'license', 'MIT', 'category', 'category-' || n % 20,
			'tags', jsonb_build_array('tag-' || n % 100, 'tag-' || n % 7),
			'permissions', jsonb_build_array('read_messages'),
			'hooks', jsonb_build_array(
				jsonb_build_object('hook', 'on_chat_message', 'effect', 'gate'),
				jsonb_build_object('hook', 'on_before_response', 'effect', 'gate')),
			'configSchema', jsonb_build_object('type', 'object', 'properties', jsonb_build_object(
				'threshold', jsonb_build_object('type', 'number', 'default', 0.5),
				'words', jsonb_build_object('type', 'array', 'default', jsonb_build_array('one', 'two'))))
		), bytes, 'bench'
		FROM generate_series(1, ${size.plugins}) AS n,
			LATERAL (SELECT ${module}::bytea || '\\x000908'::bytea || convert_to(lpad(n::text, 8, '0'), 'UTF8') AS bytes) AS built`;
	await sql`INSERT INTO plugin_grants (tenant, plugin, permission, granted_by)
		SELECT 'default', 'plugin-' || n, 'read_messages', 'bench' FROM generate_series(1, ${size.plugins}) AS n`;
	await sql`INSERT INTO bindings (tenant, plugin, assistant, "order")
		SELECT 'default', 'plugin-' || n, 'assistant-' || (n - 1) / ${perAssistant} + 1, n % 100
		FROM generate_series(1, ${size.plugins}) AS n`;
	// Row by row into a dozen indexes takes ten times as long as to make them in the end.
	const indexes = await sql<{ name: string; definition: string }[]>`SELECT indexrelid::regclass::text AS name,
			pg_get_indexdef(indexrelid) AS definition
		FROM pg_index WHERE indrelid = 'executions'::regclass AND NOT indisunique`;
	for (const { name } of indexes) await sql.unsafe(`DROP INDEX ${name}`);
	await sql`INSERT INTO executions (tenant, event_id, hook, phase, plugin, version, digest, assistant, conversation, "user", effect, mode,
			outcome, started_at, duration_ms, input_bytes, output_bytes, attempt, runtime, revision, usage)
		SELECT 'default', 'event-' || n, 'on_chat_message', '', 'plugin-' || plugin, '1.0.0', repeat('a', 64),
			'assistant-' || (plugin - 1) / ${perAssistant} + 1, 'conversation-' || n % 100000, 'user-' || n % 10000, 'gate', 'enforce',
			CASE WHEN n % 50 = 0 THEN 'timeout' ELSE 'ok' END,
			now() - (${size.executions} - n) * (${DAYS} * interval '1 day' / ${size.executions}), 5 + n % 40, 500, 100, 1, 'r', 1,
			jsonb_build_object('cost', 0.001)
		FROM generate_series(1, ${size.executions}) AS n, LATERAL (SELECT n * 7919::bigint % ${size.plugins} + 1 AS plugin) AS picked`;
	for (const { definition } of indexes) await sql.unsafe(definition);
	// As far back as figures of each unit are asked for.
	for (const [unit, hours] of [
		["minute", 2],
		["hour", 72],
		["day", DAYS * 24],
	] as const) {
		await sql`INSERT INTO execution_figures (tenant, unit, assistant, plugin, start, calls, ok, failed, configuration, timeout, denied, refused,
				cost, input_tokens, output_tokens, total_ms, latencies)
			SELECT 'default', ${unit}, coalesce(assistant, ''), coalesce(plugin, ''), start, count(*), count(*) FILTER (WHERE outcome = 'ok'), 0, 0,
				count(*) FILTER (WHERE outcome <> 'ok'), 0, 0, 0.001 * count(*), 0, 0, sum(duration_ms),
				jsonb_build_object('60', count(*) FILTER (WHERE n = 0), '70', count(*) FILTER (WHERE n > 0))
			FROM (SELECT assistant, plugin, outcome, duration_ms, id % 10 AS n, date_trunc(${unit}, started_at, 'UTC') AS start FROM executions
				WHERE started_at > now() - ${hours} * interval '1 hour') AS shown
			GROUP BY GROUPING SETS ((start), (start, assistant), (start, plugin), (start, assistant, plugin))`;
	}
	await sql.unsafe("VACUUM ANALYZE");
}
