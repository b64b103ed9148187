CREATE TABLE "recordings" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"hook" text,
	"assistant" text,
	"percentage" double precision NOT NULL,
	"max_events" integer NOT NULL,
	"until" timestamp with time zone NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_by" text NOT NULL,
	"ended_at" timestamp with time zone,
	"ended_by" text,
	"end_reason" text
);
--> statement-breakpoint
CREATE TABLE "replay_results" (
	"replay" uuid NOT NULL,
	"place" integer NOT NULL,
	"event_id" text,
	"hook" text,
	"assistant" text,
	"result" text NOT NULL,
	"comparison" jsonb,
	"detail" text,
	"version_ok" integer,
	"against_ok" integer,
	"version_ms" double precision,
	"against_ms" double precision,
	CONSTRAINT "replay_results_replay_place_pk" PRIMARY KEY("replay","place")
);
--> statement-breakpoint
CREATE TABLE "replays" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"recording" uuid NOT NULL,
	"version" text NOT NULL,
	"against" text NOT NULL,
	"state" text NOT NULL,
	"total" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"error" text,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_by" text NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "recordings" ADD CONSTRAINT "recordings_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replay_results" ADD CONSTRAINT "replay_results_replay_replays_id_fk" FOREIGN KEY ("replay") REFERENCES "public"."replays"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replays" ADD CONSTRAINT "replays_recording_recordings_id_fk" FOREIGN KEY ("recording") REFERENCES "public"."recordings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replays" ADD CONSTRAINT "replays_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "recordings_tenant" ON "recordings" USING btree ("tenant","started_at");--> statement-breakpoint
CREATE INDEX "replays_plugin" ON "replays" USING btree ("tenant","plugin","started_at");