ALTER TABLE "plugin_grants" ADD COLUMN "network" jsonb;--> statement-breakpoint
ALTER TABLE "plugins" ADD COLUMN "limits" jsonb;