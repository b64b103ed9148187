ALTER TABLE "plugins" ADD COLUMN "changed_revision" bigint;--> statement-breakpoint
ALTER TABLE "plugins" ADD COLUMN "disabled_reason" jsonb;