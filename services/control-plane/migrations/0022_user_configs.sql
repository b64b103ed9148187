CREATE TABLE "user_configs" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"user" text NOT NULL,
	"config" jsonb NOT NULL,
	"secrets" jsonb NOT NULL,
	"by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_configs_tenant_plugin_user_pk" PRIMARY KEY("tenant","plugin","user")
);
--> statement-breakpoint
ALTER TABLE "user_configs" ADD CONSTRAINT "user_configs_tenant_plugin_plugins_tenant_name_fk" FOREIGN KEY ("tenant","plugin") REFERENCES "public"."plugins"("tenant","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "user_configs_user" ON "user_configs" USING btree ("tenant","user");