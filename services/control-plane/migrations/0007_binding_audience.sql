CREATE TABLE "binding_opt_ins" (
	"binding" uuid NOT NULL,
	"user" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "binding_opt_ins_binding_user_pk" PRIMARY KEY("binding","user")
);
--> statement-breakpoint
ALTER TABLE "bindings" ADD COLUMN "percentage" double precision;--> statement-breakpoint
ALTER TABLE "bindings" ADD COLUMN "opt_in" boolean;--> statement-breakpoint
ALTER TABLE "binding_opt_ins" ADD CONSTRAINT "binding_opt_ins_binding_bindings_id_fk" FOREIGN KEY ("binding") REFERENCES "public"."bindings"("id") ON DELETE cascade ON UPDATE no action;