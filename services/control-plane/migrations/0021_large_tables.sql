ALTER TABLE "outbox" ALTER COLUMN "route_table" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "packed_entry" jsonb;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "packed_content" "bytea";--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "packed_contents" jsonb;--> statement-breakpoint
CREATE INDEX "bindings_assistant" ON "bindings" USING btree ("tenant","assistant");