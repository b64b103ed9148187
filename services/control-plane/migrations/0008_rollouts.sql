CREATE TABLE "rollouts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"version" text NOT NULL,
	"from_version" text NOT NULL,
	"mode" text NOT NULL,
	"percentage" double precision NOT NULL,
	"max_error_rate" double precision,
	"max_p95_ms" double precision,
	"min_events" integer NOT NULL,
	"state" text NOT NULL,
	"revision" bigint NOT NULL,
	"after_execution" bigint NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_by" text NOT NULL,
	"ended_at" timestamp with time zone,
	"ended_by" text,
	"reason" text,
	"arms" jsonb
);
--> statement-breakpoint
ALTER TABLE "executions" DROP CONSTRAINT "executions_once";--> statement-breakpoint
ALTER TABLE "executions" ADD COLUMN "arm" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "rollouts_one_runs" ON "rollouts" USING btree ("tenant","plugin") WHERE state = 'running';--> statement-breakpoint
CREATE INDEX "rollouts_plugin" ON "rollouts" USING btree ("tenant","plugin","started_at");--> statement-breakpoint
ALTER TABLE "executions" ADD CONSTRAINT "executions_once" UNIQUE("tenant","event_id","hook","phase","plugin","arm");