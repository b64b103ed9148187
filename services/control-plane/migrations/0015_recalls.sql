CREATE TABLE "recalls" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"everywhere" boolean DEFAULT false NOT NULL,
	"digest" text,
	"plugin" text,
	"versions" text,
	"reason" text NOT NULL,
	"declared_at" timestamp with time zone DEFAULT now() NOT NULL,
	"declared_by" text NOT NULL,
	"lifted_at" timestamp with time zone,
	"lifted_by" text
);
--> statement-breakpoint
ALTER TABLE "recalls" ADD CONSTRAINT "recalls_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "recalls_tenant" ON "recalls" USING btree ("tenant");--> statement-breakpoint
CREATE INDEX "recalls_digest" ON "recalls" USING btree ("digest");