// Access tokens of an OpenID Connect issuer instead of API keys: who gets in, and everything that must not.
import { type OidcOptions, readControlPlaneSettings, TokenVerifier } from "@hookbus/control-plane";
import type { ApiKeyCreated } from "@hookbus/schemas";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { type StartedControlPlane, startTestControlPlane } from "../support/start-control-plane.js";
import { AUDIENCE, type LocalIssuer, startLocalIssuer } from "./local-issuer.js";
import { rows } from "./stored-names.js";

const now = () => Math.floor(Date.now() / 1_000);

describe("AU-05 over HTTP", () => {
	let issuer: LocalIssuer;
	let control: StartedControlPlane;

	beforeAll(async () => {
		issuer = await startLocalIssuer();
		control = await startTestControlPlane({
			natsUrl: "nats://127.0.0.1:9",
			env: { HOOKBUS_OIDC_ISSUER: issuer.url, HOOKBUS_OIDC_AUDIENCE: AUDIENCE },
		});
	});

	const get = (token: string, path = "/api/v1/plugins") => control.admin.as(token).get<{ code: string }>(path);
	const expectRefused = async (token: string, what: string) => {
		expect(await get(token), what).toMatchObject({ status: 401, body: { code: "not_authenticated" } });
	};

	test("a good token gets in with its role, in its tenant, and stands in the audit log; API keys go on", async () => {
		expect((await get(await issuer.token())).status).toBe(200);
		expect(await get(await issuer.token(), "/api/v1/api-keys")).toMatchObject({ status: 403, body: { code: "role_missing" } });
		const admin = control.admin.as(await issuer.token({ hookbus_role: ["viewer", "admin", "other"] }));
		const { body } = await admin.post<ApiKeyCreated>("/api/v1/api-keys", { name: "by token", role: "viewer" });
		const [row] = await rows(control.plane.database, `SELECT tenant, actor FROM audit_log WHERE target = '${body.apiKey.id}'`);
		expect(row).toEqual({ tenant: "default", actor: "oidc ada" });
		expect((await control.admin.get("/api/v1/plugins")).status).toBe(200);
	});

	test("a token opens the tenant that it names and no other", async () => {
		await control.admin.post("/api/v1/tenants", { id: "acme" });
		const acme = control.admin.as(await issuer.token({ hookbus_tenant: "acme", hookbus_role: "admin" }));
		const keys = await acme.get<{ items: { name: string }[] }>("/api/v1/api-keys");
		expect(keys.body.items.map(({ name }) => name)).toEqual(["first admin key"]);
		expect(await acme.post("/api/v1/tenants", { id: "another" })).toMatchObject({ status: 403 });
		await expectRefused(await issuer.token({ hookbus_tenant: "nowhere" }), "a tenant that is not there");
	});

	test("wrong claims are refused", async () => {
		const wrong: Readonly<Record<string, Record<string, unknown>>> = {
			"another issuer": { iss: `${issuer.url}/` },
			"no issuer": { iss: undefined },
			"another audience": { aud: `${AUDIENCE}-2` },
			"no audience": { aud: undefined },
			"an end that has passed": { exp: now() - 60 },
			"no end": { exp: undefined },
			"a beginning that has not come": { nbf: now() + 120 },
			"no subject": { sub: undefined },
			"no tenant": { hookbus_tenant: undefined },
			"a tenant that is a wildcard": { hookbus_tenant: "*" },
			"several tenants": { hookbus_tenant: ["default"] },
			"no role": { hookbus_role: undefined },
			"an unknown role": { hookbus_role: "root" },
			"a role of every object": { hookbus_role: "constructor" },
		};
		for (const [what, claims] of Object.entries(wrong)) await expectRefused(await issuer.token(claims), what);
		for (const typ of ["JWT", "dpop+jwt", "", undefined]) {
			await expectRefused(await issuer.token({}, typ === undefined ? { typ: undefined as never } : { typ }), `typ ${typ}`);
		}
		// Clocks differ a little.
		expect((await get(await issuer.token({ exp: now() - 15, nbf: now() + 15 }))).status).toBe(200);
		expect((await get(await issuer.token({ aud: ["other", AUDIENCE] }))).status).toBe(200);
	});

	test("tokens without a signature, or signed with anything but the issuer's key, are refused", async () => {
		const good = await issuer.token();
		const claims = JSON.parse(Buffer.from(good.split(".")[1] as string, "base64url").toString()) as Record<string, unknown>;
		await expectRefused(new UnsecuredJWT(claims).encode(), "alg none");
		const [header, payload, signature] = good.split(".") as [string, string, string];
		const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt", kid: "first" })).toString("base64url");
		await expectRefused(`${none}.${payload}.${signature}`, "alg none, signature kept");
		await expectRefused(`${header}.${payload}.`, "the signature removed");
		const more = Buffer.from(JSON.stringify({ ...claims, hookbus_role: "admin" })).toString("base64url");
		await expectRefused(`${header}.${more}.${signature}`, "another role under the signature");
		// The public key is known to everyone; taken as the secret of an HMAC it must open nothing.
		const publicKey = (await importJWK(issuer.publicJwk(), "RS256", { extractable: true })) as CryptoKey;
		for (const secret of [await exportSPKI(publicKey), JSON.stringify(issuer.publicJwk()), issuer.publicJwk().n as string]) {
			const signed = new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: "first" });
			await expectRefused(await signed.sign(new TextEncoder().encode(secret)), "HMAC with the public key");
		}
		const own = await generateKeyPair("RS256", { extractable: true });
		const jwk = await exportJWK(own.publicKey);
		for (const extra of [
			{ kid: "first" },
			{ kid: "first", jwk },
			{ jwk, kid: "mine" },
			{ kid: "first", jku: "http://127.0.0.1:9/keys" },
			{ kid: "first", x5u: "http://127.0.0.1:9/cert" },
			{ kid: "../../keys" },
			{ kid: "first", crit: ["exp"] },
		]) {
			const signed = new SignJWT(claims).setProtectedHeader({ alg: "RS256", typ: "at+jwt", ...extra } as never);
			await expectRefused(await signed.sign(own.privateKey).catch(() => "a.b.c"), JSON.stringify(extra).slice(0, 60));
		}
		expect((await get(good)).status).toBe(200);
	});

	test("what is no token at all is refused, however long", async () => {
		for (const text of ["a.b.c", "..", "e30.e30.e30", `${"a".repeat(4_000)}.${"b".repeat(3_000)}.c`, "\u00e9.b.c"]) {
			if (/^[\x20-\x7e]*$/.test(text)) await expectRefused(text, text.slice(0, 20));
		}
	});

	test("a flood of unknown key names has the keys fetched once in 30 s at most", async () => {
		const before = issuer.fetches;
		expect(before).toBe(1);
		const flood = await Promise.all(Array.from({ length: 50 }, (_, n) => issuer.token({}, { kid: `made-up-${n}` })));
		for (const token of flood) await expectRefused(token, "an unknown key");
		expect(issuer.fetches).toBeLessThanOrEqual(before + 1);
	});

	test("repeated calls and limits count by subject", async () => {
		const token = await issuer.token({ hookbus_role: "admin" });
		const send = (with_: string) =>
			control.admin
				.as(with_)
				.call<ApiKeyCreated & { code: string }>(
					"POST",
					"/api/v1/api-keys",
					{ name: "twice", role: "viewer" },
					{ "idempotency-key": "k" },
				);
		const first = await send(token);
		expect((await send(token)).body).toEqual(first.body);
		expect(await send(await issuer.token({ hookbus_role: "admin", exp: now() + 299 }))).toMatchObject({
			status: 422,
			body: { code: "idempotency_key_reused" },
		});
		expect((await send(await issuer.token({ hookbus_role: "admin", sub: "grace" }))).status).toBe(201);
	});
});

describe("AU-05 the issuer's keys", () => {
	let time = 0;
	const verifierOf = (issuer: string, more: Partial<OidcOptions> = {}) =>
		new TokenVerifier({
			issuer,
			audience: AUDIENCE,
			tokenType: "at+jwt",
			tenantClaim: "hookbus_tenant",
			roleClaim: "hookbus_role",
			roles: new Map(),
			clock: () => time,
			...more,
		});

	test("are followed when they change, without a restart, and an old one is refused within ten minutes", async () => {
		const issuer = await startLocalIssuer();
		const verifier = verifierOf(issuer.url);
		const old = await issuer.token();
		expect(await verifier.verify(old)).toEqual({ tenant: "default", role: "operator", subject: "ada" });
		await issuer.rotate("second");
		const fresh = await issuer.token();
		time += 29_000;
		await expect(verifier.verify(fresh)).rejects.toMatchObject({ code: "not_authenticated" });
		expect(issuer.fetches).toBe(1);
		time += 1_000;
		expect(await verifier.verify(fresh)).toMatchObject({ subject: "ada" });
		await expect(verifier.verify(old)).rejects.toMatchObject({ code: "not_authenticated" });
		await issuer.rotate("third");
		time += 600_001;
		await expect(verifier.verify(fresh)).rejects.toMatchObject({ code: "not_authenticated" });
	});

	test("an issuer that is down is asked once in 30 s; tokens are answered with 503 until there are keys, and known keys go on", async () => {
		const issuer = await startLocalIssuer();
		const verifier = verifierOf(issuer.url);
		issuer.setUp(false);
		const token = await issuer.token();
		for (let n = 0; n < 20; n += 1) await expect(verifier.verify(token)).rejects.toMatchObject({ code: "oidc_unavailable" });
		issuer.setUp(true);
		await expect(verifier.verify(token)).rejects.toMatchObject({ code: "oidc_unavailable" });
		time += 30_000;
		expect(await verifier.verify(token)).toMatchObject({ tenant: "default" });
		issuer.setUp(false);
		time += 601_000;
		expect(await verifier.verify(token)).toMatchObject({ tenant: "default" });
	});

	test("an issuer that calls itself something else, or is none, gives no keys", async () => {
		const issuer = await startLocalIssuer();
		const token = await issuer.token();
		for (const address of [issuer.url.replace("127.0.0.1", "localhost"), `${issuer.url}/nothing`, "http://127.0.0.1:9"]) {
			await expect(verifierOf(address).verify(token), address).rejects.toMatchObject({ code: "oidc_unavailable" });
		}
	});

	test("values of the role claim mean what the settings say, the highest first", async () => {
		const issuer = await startLocalIssuer();
		const verifier = verifierOf(issuer.url, {
			roleClaim: "groups",
			roles: new Map([
				["staff", "viewer"],
				["ops", "operator"],
			]),
		});
		expect(await verifier.verify(await issuer.token({ groups: ["staff", "ops"] }))).toMatchObject({ role: "operator" });
		expect(await verifier.verify(await issuer.token({ groups: "staff" }))).toMatchObject({ role: "viewer" });
		for (const groups of [["admin"], [], "operator", 7, { ops: true }]) {
			await expect(verifier.verify(await issuer.token({ groups }))).rejects.toMatchObject({ code: "not_authenticated" });
		}
	});
});

test.each([
	[{ HOOKBUS_OIDC_ISSUER: "https://issuer.example" }, /need each other/],
	[{ HOOKBUS_OIDC_AUDIENCE: "hookbus" }, /need each other/],
	[{ HOOKBUS_OIDC_ISSUER: "http://issuer.example", HOOKBUS_OIDC_AUDIENCE: "x" }, /HOOKBUS_OIDC_ISSUER/],
	[{ HOOKBUS_OIDC_ISSUER: "https://issuer.example/", HOOKBUS_OIDC_AUDIENCE: "x" }, /HOOKBUS_OIDC_ISSUER/],
	[{ HOOKBUS_OIDC_ROLES: "ops=root" }, /HOOKBUS_OIDC_ROLES/],
])("the settings %o are refused", (env, message) => {
	expect(() => readControlPlaneSettings({ HOOKBUS_MASTER_KEY: "key", ...env })).toThrow(message);
});

test("without an issuer in the settings a token is no key", async () => {
	const issuer = await startLocalIssuer();
	const control = await startTestControlPlane({ natsUrl: "nats://127.0.0.1:9" });
	expect(await control.admin.as(await issuer.token()).get("/api/v1/plugins")).toMatchObject({ status: 401 });
	expect(issuer.fetches).toBe(0);
});
