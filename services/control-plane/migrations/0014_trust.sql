CREATE TABLE "trust_policies" (
	"tenant" text PRIMARY KEY NOT NULL,
	"require_signature" boolean DEFAULT false NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trusted_publishers" (
	"tenant" text NOT NULL,
	"key_id" text NOT NULL,
	"public_key" text NOT NULL,
	"name" text NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	"added_by" text NOT NULL,
	CONSTRAINT "trusted_publishers_tenant_key_id_pk" PRIMARY KEY("tenant","key_id")
);
--> statement-breakpoint
ALTER TABLE "plugin_versions" ADD COLUMN "signature" jsonb;--> statement-breakpoint
ALTER TABLE "plugins" ADD COLUMN "publisher" text;--> statement-breakpoint
ALTER TABLE "trust_policies" ADD CONSTRAINT "trust_policies_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trusted_publishers" ADD CONSTRAINT "trusted_publishers_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;