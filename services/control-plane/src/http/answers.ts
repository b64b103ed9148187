// Response schemas of a route: what it answers, and a problem document for everything else.
import { Problem } from "@hookbus/schemas";
import type { TSchema } from "@sinclair/typebox";

export function answers<Schema extends TSchema>(ok: Schema): { 200: Schema; "4xx": typeof Problem; "5xx": typeof Problem } {
	return { 200: ok, "4xx": Problem, "5xx": Problem };
}
