CREATE TABLE "tenant_keys" (
	"tenant" text NOT NULL,
	"id" text NOT NULL,
	"wrapped" jsonb NOT NULL,
	"state" text DEFAULT 'current' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenant_keys_tenant_id_pk" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
ALTER TABLE "tenant_keys" ADD CONSTRAINT "tenant_keys_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "tenant_keys_one_current" ON "tenant_keys" USING btree ("tenant") WHERE state = 'current';