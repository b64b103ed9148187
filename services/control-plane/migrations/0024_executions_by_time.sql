DROP INDEX "executions_time";--> statement-breakpoint
CREATE INDEX "executions_by_time" ON "executions" USING btree ("tenant","started_at","id");--> statement-breakpoint
CREATE INDEX "executions_hook" ON "executions" USING btree ("tenant","hook","id");--> statement-breakpoint
CREATE INDEX "executions_version" ON "executions" USING btree ("tenant","version","id");