// Who may make a mandatory binding weaker. It is what an admin relies on against everybody else's settings, so only an admin may turn it
// into a shadow, let it run for less, or take it away; making it stronger is for whoever may change bindings.
import type { ApiRole } from "@hookbus/schemas";
import { errors } from "../errors.js";
import { isAllowed } from "../http/access-policy.js";
import type { BindingValues } from "./repository.js";

/** The role that may make a mandatory binding weaker. */
const ROLE_TO_WEAKEN: ApiRole = "admin";

type Strength = Pick<BindingValues, "mandatory" | "mode" | "onError" | "percentage">;

/**
 * @param after undefined: the binding is removed
 * @throws CodedError `role_missing`
 */
export function requireStrength(role: ApiRole, plugin: string, before: Strength | undefined, after: Strength | undefined): void {
	if (before?.mandatory !== true || isAllowed(role, ROLE_TO_WEAKEN)) return;
	const weaker = after === undefined ? "removing it" : weakening(before, after);
	if (weaker === undefined) return;
	throw errors.role_missing(
		`the tenant's binding of ${plugin} is mandatory, and ${weaker} makes it weaker, which needs the role ${ROLE_TO_WEAKEN}; this key has ${role}`,
	);
}

function weakening(before: Strength, after: Strength): string | undefined {
	if (!after.mandatory) return "no longer mandatory";
	if ((before.mode ?? "enforce") === "enforce" && (after.mode ?? "enforce") !== "enforce") return `mode ${after.mode}`;
	if (before.onError !== "open" && after.onError === "open") return "onError open";
	if ((after.percentage ?? 100) < (before.percentage ?? 100)) return `percentage ${after.percentage}`;
	return undefined;
}
