// Tells from an access token of the OpenID Connect issuer who calls. Only asymmetric algorithms, exact issuer, audience and token
// type, and keys from nowhere but the issuer's own list: what a token says about where its key is, is never looked at.
import { CodedError } from "@hookbus/foundation";
import { API_ROLES, type ApiRole, isSubjectToken } from "@hookbus/schemas";
import { type JWTPayload, jwtVerify } from "jose";
import { errors } from "../errors.js";
import { IssuerKeys, type IssuerKeysOptions } from "./issuer-keys.js";

const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/** Seconds that the clocks of issuer and service may differ. */
const LEEWAY_S = 30;
const MAX_TOKEN_LENGTH = 8_192;
const MAX_NAME_LENGTH = 200;

export interface OidcOptions extends IssuerKeysOptions {
	readonly audience: string;
	/** The token's `typ`, such as `at+jwt` (RFC 9068). */
	readonly tokenType: string;
	/** Claim that holds the tenant. */
	readonly tenantClaim: string;
	/** Claim that holds a role, or several; the highest counts. */
	readonly roleClaim: string;
	/** The claim's values → roles; empty: they are the roles. */
	readonly roles: ReadonlyMap<string, ApiRole>;
}

export interface TokenIdentity {
	readonly tenant: string;
	readonly role: ApiRole;
	/** Who it is for the issuer. */
	readonly subject: string;
}

export class TokenVerifier {
	readonly #options: OidcOptions;
	readonly #keys: IssuerKeys;

	constructor(options: OidcOptions) {
		this.#options = options;
		this.#keys = new IssuerKeys(options);
	}

	/** True for what can be a token; an API key never is. */
	static looksLikeToken(value: string): boolean {
		return value.length <= MAX_TOKEN_LENGTH && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(value);
	}

	/**
	 * Who calls with this token.
	 *
	 * @throws CodedError `not_authenticated`, with no more of the reason than helps an honest caller; `oidc_unavailable`
	 */
	async verify(token: string): Promise<TokenIdentity> {
		const { issuer, audience, tokenType } = this.#options;
		let payload: JWTPayload;
		try {
			({ payload } = await jwtVerify(token, this.#keys.find, {
				issuer,
				audience,
				typ: tokenType,
				algorithms: ALGORITHMS,
				clockTolerance: LEEWAY_S,
				requiredClaims: ["exp", "sub"],
			}));
		} catch (cause) {
			if (cause instanceof CodedError) throw cause;
			throw errors.not_authenticated(`the token is not a valid one of ${issuer} for ${audience}; get a new one`, { cause });
		}
		return this.#identityOf(payload);
	}

	#identityOf(payload: JWTPayload): TokenIdentity {
		const { tenantClaim, roleClaim } = this.#options;
		const tenant = Object.hasOwn(payload, tenantClaim) ? payload[tenantClaim] : undefined;
		if (typeof tenant !== "string" || !isSubjectToken(tenant)) {
			throw errors.not_authenticated(`the token's claim ${tenantClaim} names no tenant; the issuer must put it there`);
		}
		const role = this.#roleOf(Object.hasOwn(payload, roleClaim) ? payload[roleClaim] : undefined);
		if (role === undefined) {
			throw errors.not_authenticated(
				`the token's claim ${roleClaim} names no role of this service; the issuer must put one there`,
			);
		}
		return { tenant, role, subject: String(payload.sub).slice(0, MAX_NAME_LENGTH) };
	}

	#roleOf(claim: unknown): ApiRole | undefined {
		const { roles } = this.#options;
		const given: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
		const held = new Set(given.map((each) => (roles.size === 0 ? each : roles.get(String(each)))));
		return API_ROLES.findLast((role) => held.has(role));
	}
}
