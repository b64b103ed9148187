// Settings of OpenID Connect, and what they mean. Off unless an issuer is named.
import { defineErrors } from "@hookbus/foundation";
import { API_ROLES, type ApiRole } from "@hookbus/schemas";
import { type Static, Type } from "@sinclair/typebox";
import type { OidcOptions } from "./token-verifier.js";

const errors = defineErrors({
	oidc_settings_invalid: { title: "The settings of OpenID Connect do not fit together", status: 500, retryable: false },
});

/** Properties of the settings schema. */
export const OidcSettings = {
	HOOKBUS_OIDC_ISSUER: Type.Optional(
		Type.String({
			pattern: "^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:|/|$))[^\\s]*[^/\\s]$",
			description:
				"Issuer of access tokens, https, exactly as in them, without a slash at its end; absent: API keys only. Its tokens open every tenant that they name",
		}),
	),
	HOOKBUS_OIDC_AUDIENCE: Type.Optional(Type.String({ minLength: 1, description: "Audience that the tokens must be for" })),
	HOOKBUS_OIDC_TOKEN_TYPE: Type.String({
		default: "at+jwt",
		minLength: 1,
		description: "The tokens' typ, such as at+jwt or JWT",
	}),
	HOOKBUS_OIDC_TENANT_CLAIM: Type.String({ default: "hookbus_tenant", minLength: 1, description: "Claim that holds the tenant" }),
	HOOKBUS_OIDC_ROLE_CLAIM: Type.String({
		default: "hookbus_role",
		minLength: 1,
		description: "Claim that holds a role, or a list; the highest counts",
	}),
	HOOKBUS_OIDC_ROLES: Type.String({
		default: "",
		pattern: `^([^=,]+=(${API_ROLES.join("|")})(,[^=,]+=(${API_ROLES.join("|")}))*)?$`,
		description: "What the claim's values mean, value=role separated by commas; empty: they are the roles themselves",
	}),
};
const Given = Type.Object(OidcSettings);

/**
 * `undefined`: OpenID Connect is off.
 *
 * @throws CodedError `oidc_settings_invalid` when of issuer and audience one is missing
 */
export function oidcOptions(settings: Static<typeof Given>): OidcOptions | undefined {
	const { HOOKBUS_OIDC_ISSUER: issuer, HOOKBUS_OIDC_AUDIENCE: audience } = settings;
	if (issuer === undefined && audience === undefined) return undefined;
	if (issuer === undefined || audience === undefined) {
		throw errors.oidc_settings_invalid("HOOKBUS_OIDC_ISSUER and HOOKBUS_OIDC_AUDIENCE need each other; set both or none");
	}
	const pairs = settings.HOOKBUS_OIDC_ROLES.split(",").flatMap((pair): [string, ApiRole][] => {
		const [value = "", role = ""] = pair.split("=");
		return value === "" ? [] : [[value, role as ApiRole]];
	});
	return {
		issuer,
		audience,
		tokenType: settings.HOOKBUS_OIDC_TOKEN_TYPE,
		tenantClaim: settings.HOOKBUS_OIDC_TENANT_CLAIM,
		roleClaim: settings.HOOKBUS_OIDC_ROLE_CLAIM,
		roles: new Map(pairs),
	};
}
