CREATE TABLE "store_purges" (
	"tenant" text NOT NULL,
	"plugin" text NOT NULL,
	"revision" bigint NOT NULL,
	"requested_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "store_purges_tenant_plugin_pk" PRIMARY KEY("tenant","plugin")
);
--> statement-breakpoint
ALTER TABLE "store_purges" ADD CONSTRAINT "store_purges_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;