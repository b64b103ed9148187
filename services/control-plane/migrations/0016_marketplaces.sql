CREATE TABLE "marketplace_entries" (
	"source" uuid NOT NULL,
	"name" text NOT NULL,
	"version" text NOT NULL,
	"newest" boolean NOT NULL,
	"category" text,
	"words" text NOT NULL,
	"entry" jsonb NOT NULL,
	CONSTRAINT "marketplace_entries_source_name_version_pk" PRIMARY KEY("source","name","version")
);
--> statement-breakpoint
CREATE TABLE "marketplace_sources" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant" text NOT NULL,
	"name" text NOT NULL,
	"url" text NOT NULL,
	"public_key" text NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	"added_by" text NOT NULL,
	"title" text NOT NULL,
	"number" bigint NOT NULL,
	"digest" text NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"fetched_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_error" text,
	CONSTRAINT "marketplace_sources_name" UNIQUE("tenant","name")
);
--> statement-breakpoint
ALTER TABLE "plugin_versions" ADD COLUMN "origin" jsonb;--> statement-breakpoint
ALTER TABLE "recalls" ADD COLUMN "signer" text;--> statement-breakpoint
ALTER TABLE "marketplace_entries" ADD CONSTRAINT "marketplace_entries_source_marketplace_sources_id_fk" FOREIGN KEY ("source") REFERENCES "public"."marketplace_sources"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "marketplace_sources" ADD CONSTRAINT "marketplace_sources_tenant_tenants_id_fk" FOREIGN KEY ("tenant") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "marketplace_entries_newest" ON "marketplace_entries" USING btree ("name","source","newest");--> statement-breakpoint
ALTER TABLE "recalls" ADD CONSTRAINT "recalls_once" UNIQUE("tenant","signer","digest");