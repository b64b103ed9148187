CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"prefix" text NOT NULL,
	"hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target" text NOT NULL,
	"detail" jsonb NOT NULL,
	"revision" bigint,
	"request" text
);
--> statement-breakpoint
CREATE TABLE "bindings" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"assistant" text,
	"enabled" boolean DEFAULT true NOT NULL,
	"order" integer,
	"mode" text,
	"on_error" text,
	"timeout_ms" integer,
	"config" jsonb,
	"mandatory" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bindings_scope" UNIQUE NULLS NOT DISTINCT("tenant","plugin","assistant")
);
--> statement-breakpoint
CREATE TABLE "executions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "executions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text NOT NULL,
	"event_id" text NOT NULL,
	"hook" text NOT NULL,
	"phase" text NOT NULL,
	"plugin" text NOT NULL,
	"version" text NOT NULL,
	"digest" text NOT NULL,
	"assistant" text NOT NULL,
	"conversation" text,
	"user" text,
	"effect" text NOT NULL,
	"mode" text NOT NULL,
	"outcome" text NOT NULL,
	"action" text,
	"reason" text,
	"error" text,
	"skipped" boolean,
	"paths" jsonb,
	"stripped" jsonb,
	"started_at" timestamp with time zone NOT NULL,
	"duration_ms" double precision NOT NULL,
	"input_bytes" integer NOT NULL,
	"output_bytes" integer NOT NULL,
	"attempt" integer NOT NULL,
	"usage" jsonb,
	"logs" jsonb,
	"logs_dropped" integer,
	"runtime" text NOT NULL,
	"revision" bigint NOT NULL,
	CONSTRAINT "executions_once" UNIQUE("tenant","event_id","hook","phase","plugin")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" text NOT NULL,
	"revision" bigint NOT NULL,
	"route_table" jsonb NOT NULL,
	"hook_policy" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"claimed_until" timestamp with time zone,
	"sent_at" timestamp with time zone,
	CONSTRAINT "outbox_revision" UNIQUE("tenant","revision")
);
--> statement-breakpoint
CREATE TABLE "plugin_configs" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"config" jsonb NOT NULL,
	"secrets" jsonb NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "plugin_configs_tenant_plugin_pk" PRIMARY KEY("tenant","plugin")
);
--> statement-breakpoint
CREATE TABLE "plugin_grants" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"permission" text NOT NULL,
	"granted_at" timestamp with time zone DEFAULT now() NOT NULL,
	"granted_by" text NOT NULL,
	CONSTRAINT "plugin_grants_tenant_plugin_permission_pk" PRIMARY KEY("tenant","plugin","permission")
);
--> statement-breakpoint
CREATE TABLE "plugin_versions" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"version" text NOT NULL,
	"digest" text NOT NULL,
	"size" integer NOT NULL,
	"manifest" jsonb NOT NULL,
	"readme" text,
	"module" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "plugin_versions_tenant_plugin_version_pk" PRIMARY KEY("tenant","plugin","version")
);
--> statement-breakpoint
CREATE TABLE "plugins" (
	"tenant" text NOT NULL,
	"name" text NOT NULL,
	"version" text NOT NULL,
	"enabled" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "plugins_tenant_name_pk" PRIMARY KEY("tenant","name")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" text PRIMARY KEY NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bindings" ADD CONSTRAINT "bindings_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plugin_configs" ADD CONSTRAINT "plugin_configs_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plugin_grants" ADD CONSTRAINT "plugin_grants_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plugin_versions" ADD CONSTRAINT "plugin_versions_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plugins" ADD CONSTRAINT "plugins_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_keys_tenant" ON "api_keys" USING btree ("tenant");--> statement-breakpoint
CREATE INDEX "audit_log_tenant" ON "audit_log" USING btree ("tenant","id");--> statement-breakpoint
CREATE INDEX "executions_page" ON "executions" USING btree ("tenant","id");--> statement-breakpoint
CREATE INDEX "executions_plugin" ON "executions" USING btree ("tenant","plugin","id");--> statement-breakpoint
CREATE INDEX "executions_conversation" ON "executions" USING btree ("tenant","conversation","id");--> statement-breakpoint
CREATE INDEX "executions_started" ON "executions" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "outbox_unsent" ON "outbox" USING btree ("id") WHERE sent_at IS NULL;--> statement-breakpoint
CREATE INDEX "plugin_versions_digest" ON "plugin_versions" USING btree ("digest");