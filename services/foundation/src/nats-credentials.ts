// How a service proves to NATS who it is: settings that both services share, and what the client makes of them. In one place,
// so that no service forgets a form, and two forms at once are refused instead of one silently winning.
import { type Static, Type } from "@sinclair/typebox";
import { type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from "nats";
import { defineErrors } from "./define-errors.js";

const errors = defineErrors({
	nats_credentials_invalid: { title: "The credentials for NATS are not valid", status: 500, retryable: false },
});

/** Properties of a settings schema, beside HOOKBUS_NATS_TOKEN. Each can be read from a file, as NAME_FILE. */
export const NatsCredentialSettings = {
	HOOKBUS_NATS_USER: Type.Optional(Type.String({ minLength: 1, description: "User name for NATS; with HOOKBUS_NATS_PASSWORD" })),
	HOOKBUS_NATS_PASSWORD: Type.Optional(Type.String({ minLength: 1, description: "Password for NATS" })),
	HOOKBUS_NATS_NKEY_SEED: Type.Optional(
		Type.String({ pattern: "^SU[A-Z2-7]{56}$", description: "Seed of an nkey user, as npm run nats:config makes it" }),
	),
	HOOKBUS_NATS_CREDS: Type.Optional(Type.String({ minLength: 1, description: "Text of a .creds file (user JWT and seed)" })),
};
const Given = Type.Object({ HOOKBUS_NATS_TOKEN: Type.Optional(Type.String()), ...NatsCredentialSettings });

/** What the NATS client takes. */
export type NatsAuthentication = Pick<ConnectionOptions, "token" | "user" | "pass" | "authenticator">;

/**
 * Picks the form that was given; none is one, too.
 *
 * @throws CodedError `nats_credentials_invalid` when two forms are given, or half of one
 */
export function natsAuthentication(settings: Static<typeof Given>): NatsAuthentication {
	const { HOOKBUS_NATS_TOKEN: token, HOOKBUS_NATS_USER: user, HOOKBUS_NATS_PASSWORD: pass } = settings;
	const { HOOKBUS_NATS_NKEY_SEED: seed, HOOKBUS_NATS_CREDS: creds } = settings;
	if ((user === undefined) !== (pass === undefined)) {
		throw errors.nats_credentials_invalid("HOOKBUS_NATS_USER and HOOKBUS_NATS_PASSWORD need each other; set both or none");
	}
	const forms: readonly (readonly [name: string, form: NatsAuthentication | undefined])[] = [
		["HOOKBUS_NATS_TOKEN", token === undefined ? undefined : { token }],
		["HOOKBUS_NATS_USER", user === undefined || pass === undefined ? undefined : { user, pass }],
		["HOOKBUS_NATS_NKEY_SEED", seed === undefined ? undefined : { authenticator: nkeyAuthenticator(bytes(seed)) }],
		["HOOKBUS_NATS_CREDS", creds === undefined ? undefined : { authenticator: credsAuthenticator(bytes(creds)) }],
	];
	const given = forms.filter(([, form]) => form !== undefined);
	if (given.length > 1) {
		const names = given.map(([name]) => name).join(" and ");
		throw errors.nats_credentials_invalid(`${names} are set; keep one of them`);
	}
	return given[0]?.[1] ?? {};
}

function bytes(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
