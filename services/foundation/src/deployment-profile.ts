// What a deployment must not do in production, judged from the settings before anything is opened. In the profile `production` a
// service refuses to start and names every fault; in `development` it starts and names them in a warning, so that nobody learns
// of them from an attacker.
import { BlockList, isIP } from "node:net";
import { type Static, Type } from "@sinclair/typebox";
import type { Logger } from "pino";
import { defineErrors, type FaultLocation } from "./define-errors.js";
import { type NatsAuthentication, natsAuthentication } from "./nats-credentials.js";

const errors = defineErrors({
	production_unsafe: { title: "The settings are not safe for production", status: 500, retryable: false },
});

/** Properties of a settings schema, beside those of the credentials for NATS. */
export const ProfileSettings = {
	HOOKBUS_PROFILE: Type.Union([Type.Literal("development"), Type.Literal("production")], {
		default: "development",
		description:
			"production: refuse to start with NATS that admits anybody or is too old, with plaintext to another machine, or with a weak master key; development: warn",
	}),
	HOOKBUS_NATS_CA: Type.Optional(
		Type.String({
			minLength: 1,
			description: "Certificates (PEM) of the authorities that sign the NATS servers' certificates; absent: the public ones",
		}),
	),
};
export type Profile = Static<typeof ProfileSettings.HOOKBUS_PROFILE>;

export type JudgedSettings = Parameters<typeof natsAuthentication>[0] & {
	readonly HOOKBUS_PROFILE: Profile;
	readonly HOOKBUS_NATS_URL: string;
	readonly HOOKBUS_MASTER_KEY: string;
};

/** A random key of 32 bytes has fewer different ones with a chance of less than one in a million million. */
const LEAST_DIFFERENT_BYTES = 16;

/** What is wrong with what all services set: credentials, way to NATS, master key. Each with its setting and the way out. */
export function commonFaults(settings: JudgedSettings): FaultLocation[] {
	const faults: FaultLocation[] = [];
	if (isEmpty(natsAuthentication(settings))) {
		faults.push({
			path: "HOOKBUS_NATS_NKEY_SEED",
			message: "no credentials for NATS are set; npm run nats:config makes a configuration with a user for each service",
		});
	}
	const plain = natsServers(settings.HOOKBUS_NATS_URL).filter((server) => !usesTls(server) && !isThisMachine(hostOf(server)));
	if (plain.length > 0) {
		faults.push({
			path: "HOOKBUS_NATS_URL",
			message: `${plain.map(hostOf).join(", ")} would be reached in plaintext; write tls:// instead of nats://, with TLS on the server`,
		});
	}
	const weak = weaknessOf(settings.HOOKBUS_MASTER_KEY);
	if (weak !== undefined) {
		faults.push({ path: "HOOKBUS_MASTER_KEY", message: `the key ${weak}; make a random one with openssl rand -base64 32` });
	}
	return faults;
}

/**
 * Refuses or warns, by the profile.
 *
 * @throws CodedError `production_unsafe`
 */
export function judgeFaults(profile: Profile, faults: readonly FaultLocation[], logger: Logger): void {
	if (faults.length === 0) return;
	const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
	if (profile === "production") {
		throw errors.production_unsafe(`HOOKBUS_PROFILE is production, and ${text}`, { errors: faults });
	}
	logger.warn(
		{ faults: faults.map(({ path }) => path) },
		`not safe for production (HOOKBUS_PROFILE=production refuses it): ${text}`,
	);
}

/** The URLs of a list that is separated by commas. */
export function natsServers(list: string): string[] {
	return list
		.split(",")
		.map((server) => server.trim())
		.filter((server) => server !== "");
}

export function usesTls(server: string): boolean {
	return /^tls:\/\//i.test(server);
}

/** True for names and addresses that do not leave this machine; an empty host is a socket of this machine. */
export function isThisMachine(host: string): boolean {
	const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
	if (bare === "" || bare === "localhost" || bare.endsWith(".localhost") || bare.startsWith("/")) return true;
	const family = isIP(bare);
	if (family === 0) return false;
	const loopback = new BlockList();
	loopback.addSubnet("127.0.0.0", 8, "ipv4");
	loopback.addAddress("::1", "ipv6");
	return loopback.check(bare, family === 4 ? "ipv4" : "ipv6");
}

/** The host of a server's URL, without credentials. */
export function hostOf(server: string): string {
	const withoutScheme = server.replace(/^[a-z]+:\/\//i, "").replace(/^[^@/]*@/, "");
	return /^(\[[^\]]*\]|[^:/]*)/.exec(withoutScheme)?.[1] ?? "";
}

/** A key of another length is refused anyway, when it is first used. */
function weaknessOf(masterKey: string): string | undefined {
	const key = Buffer.from(masterKey, "base64");
	if (key.length !== 32) return undefined;
	if (new Set(key).size < LEAST_DIFFERENT_BYTES) return "repeats few bytes again and again";
	if (key.every((byte) => byte >= 0x20 && byte < 0x7f)) return "is text, which can be guessed";
	return undefined;
}

function isEmpty(authentication: NatsAuthentication): boolean {
	return Object.keys(authentication).length === 0;
}
