CREATE TABLE "plugin_snapshots" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"revision" bigint NOT NULL,
	"version" text NOT NULL,
	"enabled" boolean NOT NULL,
	"config" jsonb NOT NULL,
	"secrets" jsonb NOT NULL,
	"grants" jsonb NOT NULL,
	"network" jsonb NOT NULL,
	"limits" jsonb,
	"restored" bigint,
	"by" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "plugin_snapshots_tenant_plugin_revision_pk" PRIMARY KEY("tenant","plugin","revision")
);
--> statement-breakpoint
ALTER TABLE "plugin_snapshots" ADD CONSTRAINT "plugin_snapshots_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;