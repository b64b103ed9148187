-- What a snapshot says stays as it was. Only its sealed secrets may be sealed anew, with another master key.
CREATE FUNCTION "refuse_snapshot_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'plugin_snapshots never change';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "plugin_snapshots_immutable" BEFORE UPDATE OF "tenant", "plugin", "revision", "version", "enabled", "config", "grants", "network", "limits", "restored", "by", "at" ON "plugin_snapshots"
	FOR EACH ROW EXECUTE FUNCTION "refuse_snapshot_change"();
--> statement-breakpoint
-- Plugins that are installed already: what they have now is the first thing that a rollback can go back to.
INSERT INTO "plugin_snapshots" ("tenant", "plugin", "revision", "version", "enabled", "config", "secrets", "grants", "network", "limits", "by", "at")
SELECT p."tenant", p."name", coalesce(p."changed_revision", 0), p."version", p."enabled", coalesce(c."config", '{}'), coalesce(c."secrets", '{}'),
	coalesce((SELECT jsonb_agg(g."permission" ORDER BY g."permission") FROM "plugin_grants" g WHERE g."tenant" = p."tenant" AND g."plugin" = p."name"), '[]'),
	coalesce((SELECT g."network" FROM "plugin_grants" g WHERE g."tenant" = p."tenant" AND g."plugin" = p."name" AND g."permission" = 'network_access'), '[]'),
	p."limits", 'system', p."updated_at"
FROM "plugins" p LEFT JOIN "plugin_configs" c ON c."tenant" = p."tenant" AND c."plugin" = p."name";
