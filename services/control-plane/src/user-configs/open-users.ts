// The own configurations of a plugin's users as a check needs them: secrets opened, and of those only the ones that the version has.
import type { SecretOpener } from "@hookbus/foundation";
import type { Manifest } from "@hookbus/schemas";
import { type CheckedUser, openReadable, openSecrets } from "../config/check-config.js";
import { knownSecrets } from "../config/config-schema.js";
import type { Queries } from "../database/database.js";
import { userConfigsOf } from "./repository.js";

/** @throws CodedError `secret_unreadable` */
export async function openUsers(queries: Queries, box: SecretOpener, tenant: string, manifest: Manifest): Promise<CheckedUser[]> {
	const users: CheckedUser[] = [];
	for (const { user, config, secrets } of await userConfigsOf(queries, tenant, manifest.name)) {
		const opened = await openSecrets(box, tenant, manifest.name, knownSecrets(manifest, secrets), user);
		users.push({ user, config, secrets: opened });
	}
	return users;
}

/** Likewise for a change that a user's secret must not stand against when it cannot be opened: it is unknown then. */
export async function openReadableUsers(
	queries: Queries,
	box: SecretOpener,
	tenant: string,
	manifest: Manifest,
): Promise<CheckedUser[]> {
	const users: CheckedUser[] = [];
	for (const { user, config, secrets } of await userConfigsOf(queries, tenant, manifest.name)) {
		const readable = await openReadable(box, tenant, manifest.name, knownSecrets(manifest, secrets), user);
		users.push({ user, config, ...readable });
	}
	return users;
}
