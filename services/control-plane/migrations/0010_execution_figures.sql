CREATE TABLE "execution_figures" (
	"tenant" text NOT NULL,
	"unit" text NOT NULL,
	"assistant" text NOT NULL,
	"plugin" text NOT NULL,
	"start" timestamp with time zone NOT NULL,
	"calls" bigint NOT NULL,
	"ok" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"configuration" bigint NOT NULL,
	"timeout" bigint NOT NULL,
	"denied" bigint NOT NULL,
	"refused" bigint NOT NULL,
	"cost" double precision NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"total_ms" double precision NOT NULL,
	"latencies" jsonb NOT NULL,
	CONSTRAINT "execution_figures_tenant_unit_assistant_plugin_start_pk" PRIMARY KEY("tenant","unit","assistant","plugin","start")
);
--> statement-breakpoint
CREATE INDEX "execution_figures_start" ON "execution_figures" USING btree ("unit","start");