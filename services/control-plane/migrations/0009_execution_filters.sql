CREATE INDEX "executions_assistant" ON "executions" USING btree ("tenant","assistant","id");--> statement-breakpoint
CREATE INDEX "executions_user" ON "executions" USING btree ("tenant","user","id");--> statement-breakpoint
CREATE INDEX "executions_time" ON "executions" USING btree ("tenant","started_at");--> statement-breakpoint
CREATE INDEX "executions_errors" ON "executions" USING btree ("tenant","id") WHERE outcome <> 'ok';