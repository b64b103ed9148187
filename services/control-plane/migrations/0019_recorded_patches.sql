ALTER TABLE "bindings" ADD COLUMN "record_patches" boolean;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "patch" jsonb;--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "patch_omitted" jsonb;