// An OpenID Connect issuer on this machine: its description, its keys, and tokens that it signs. Counts what is fetched.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from "jose";
import { closeAfter } from "../support/close-after.js";

export const AUDIENCE = "hookbus-tests";

export interface LocalIssuer {
	readonly url: string;
	/** How often the list of keys was fetched. */
	readonly fetches: number;
	/** Replaces the signing key by another with this name. */
	rotate(kid: string): Promise<void>;
	/** false: answers every request with 500. */
	setUp(isUp: boolean): void;
	/** The public key as it is published. */
	publicJwk(): JWK;
	privateKey(): CryptoKey;
	/** A good token, but for what is said here. */
	token(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

export async function startLocalIssuer(): Promise<LocalIssuer> {
	let keys = await generateKeyPair("RS256", { extractable: true });
	let published: JWK = { ...(await exportJWK(keys.publicKey)), kid: "first", alg: "RS256", use: "sig" };
	let up = true;
	let fetches = 0;
	const server = createServer((request, response) => {
		response.setHeader("connection", "close");
		const known: Record<string, () => unknown> = {
			"/.well-known/openid-configuration": () => ({ issuer: url, jwks_uri: `${url}/keys` }),
			"/keys": () => {
				fetches += 1;
				return { keys: [published] };
			},
		};
		const answer = known[request.url ?? ""];
		response.statusCode = up && answer !== undefined ? 200 : 500;
		response.end(JSON.stringify(answer?.() ?? {}));
	});
	await new Promise<void>((resolve) => {
		server.listen(0, "127.0.0.1", resolve);
	});
	closeAfter(() => new Promise<void>((resolve) => void server.close(() => resolve())));
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		url,
		get fetches() {
			return fetches;
		},
		async rotate(kid) {
			keys = await generateKeyPair("RS256", { extractable: true });
			published = { ...(await exportJWK(keys.publicKey)), kid, alg: "RS256", use: "sig" };
		},
		setUp(isUp) {
			up = isUp;
		},
		publicJwk: () => published,
		privateKey: () => keys.privateKey,
		async token(claims = {}, header = {}) {
			const now = Math.floor(Date.now() / 1_000);
			const standard = {
				iss: url,
				aud: AUDIENCE,
				sub: "ada",
				iat: now,
				exp: now + 300,
				hookbus_tenant: "default",
				hookbus_role: "operator",
			};
			const payload = Object.fromEntries(Object.entries({ ...standard, ...claims }).filter(([, value]) => value !== undefined));
			const kid = published.kid as string;
			return await new SignJWT(payload).setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid, ...header }).sign(keys.privateKey);
		},
	};
}
