-- Counts what was stored before figures were: the same query as in executions/count-figures.ts,
-- without figures by the minute that nobody may ask for any more.
INSERT INTO "execution_figures"
			(tenant, unit, assistant, plugin, start, calls, ok, failed, configuration, timeout, denied, refused, cost, input_tokens, output_tokens, total_ms, latencies)
		SELECT tenant, unit, assistant, plugin, start, sum(calls)::bigint AS calls, sum(ok)::bigint AS ok, sum(failed)::bigint AS failed, sum(configuration)::bigint AS configuration, sum(timeout)::bigint AS timeout, sum(denied)::bigint AS denied, sum(refused)::bigint AS refused, sum(cost)::double precision AS cost, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens, sum(total_ms)::double precision AS total_ms, jsonb_object_agg(latency, calls) AS latencies
		FROM (
			SELECT tenant, unit, all_or.assistant, one_or.plugin, date_trunc(unit, start, 'UTC') AS start, latency,
				sum(calls)::bigint AS calls, sum(ok) AS ok, sum(failed) AS failed, sum(configuration) AS configuration, sum(timeout) AS timeout, sum(denied) AS denied, sum(refused) AS refused, sum(cost) AS cost, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(total_ms) AS total_ms
			FROM (SELECT date_trunc('minute', "executions"."started_at", 'UTC') AS start,
			floor(ln(least(greatest("executions"."duration_ms", 0.001), 1e9)) / ln(1.04::double precision))::integer AS latency,
			executions.tenant, executions.plugin, executions.assistant, count(*) AS calls,
			count(*) FILTER (WHERE "executions"."outcome" IN ('ok')) AS ok,
			count(*) FILTER (WHERE "executions"."outcome" IN ('trap', 'memory', 'stack', 'guest_error', 'bad_output', 'output_too_large', 'host_error')) AS failed,
			count(*) FILTER (WHERE "executions"."outcome" IN ('incompatible', 'load_failed')) AS configuration,
			count(*) FILTER (WHERE "executions"."outcome" IN ('timeout')) AS timeout,
			count(*) FILTER (WHERE "executions"."outcome" IN ('denied')) AS denied,
			count(*) FILTER (WHERE "executions"."outcome" IN ('overloaded', 'rate_limited', 'over_budget', 'breaker_open')) AS refused,
			sum(least(coalesce((executions.usage->>'cost')::double precision, 0), 1e9)) AS cost,
			sum(least(coalesce((executions.usage->>'inputTokens')::double precision, 0), 1e9)) AS input_tokens,
			sum(least(coalesce((executions.usage->>'outputTokens')::double precision, 0), 1e9)) AS output_tokens, sum(least("executions"."duration_ms", 1e9)) AS total_ms
		FROM executions
		WHERE "executions"."outcome" <> 'deferred'
		GROUP BY 1, 2, 3, 4, 5) AS counted
			CROSS JOIN LATERAL (VALUES (counted.plugin), ('')) AS one_or (plugin)
			CROSS JOIN LATERAL (VALUES (counted.assistant), ('')) AS all_or (assistant)
			CROSS JOIN (VALUES ('minute'), ('hour'), ('day')) AS units (unit)
			WHERE unit <> 'minute' OR start > now() - interval '2 days'
			GROUP BY 1, 2, 3, 4, 5, 6
		) AS spread
		GROUP BY 1, 2, 3, 4, 5;
