// What the control plane's own settings must not say in production, besides what all services' must not: its listener takes API keys
// and its database holds everything.
import { commonFaults, type FaultLocation, isThisMachine } from "@hookbus/foundation";
import type { ControlPlaneSettings } from "./settings.js";

export function productionFaults(settings: ControlPlaneSettings): FaultLocation[] {
	const faults = commonFaults(settings);
	const { HOOKBUS_HTTP_HOST: host, HOOKBUS_DATABASE_URL: database } = settings;
	if (!isThisMachine(host) && !settings.HOOKBUS_HTTP_BEHIND_TLS) {
		faults.push({
			path: "HOOKBUS_HTTP_HOST",
			message: `the REST API would take API keys in plaintext at ${host}; listen at 127.0.0.1, or put a proxy that ends TLS in front and say so with HOOKBUS_HTTP_BEHIND_TLS=true`,
		});
	}
	if (database !== undefined && settings.HOOKBUS_DATABASE_CA === undefined && !isVerified(database)) {
		const remote = databaseHosts(database).filter((each) => !isThisMachine(each));
		if (remote.length > 0) {
			faults.push({
				path: "HOOKBUS_DATABASE_URL",
				message: `PostgreSQL at ${remote.join(", ")} would be reached without knowing that it is the right one; add sslmode=verify-full, or HOOKBUS_DATABASE_CA with the certificate of its authority`,
			});
		}
	}
	return faults;
}

/** Every other mode goes without TLS, or does not look whose certificate it is. */
function isVerified(url: string): boolean {
	return /[?&](sslmode|ssl)=verify-full(&|$)/.test(url);
}

/** Several hosts may stand there, separated by commas; none, or a path in `host`, is a socket of this machine. */
function databaseHosts(url: string): string[] {
	const authority = /^postgres(?:ql)?:\/\/(?:[^@/]*@)?([^/?]*)/.exec(url)?.[1] ?? "";
	const inQuery = /[?&]host(?:name)?=([^&]*)/.exec(url)?.[1];
	const hosts = authority.split(",").map((each) => each.replace(/:\d*$/, ""));
	return inQuery === undefined ? hosts : [...hosts, ...decodeURIComponent(inQuery).split(",")];
}
