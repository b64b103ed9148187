// Which recall a version falls under. One answer for everybody who asks: install, enable, the compiler of route tables, and what
// REST shows.
import semver from "semver";
import type { Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { activeRecalls, type RecallRow } from "./repository.js";

export interface RecallableVersion {
	readonly plugin: string;
	readonly version: string;
	/** SHA-256 of its module, hex. */
	readonly digest: string;
}

/** The first recall that the version falls under; `undefined`: none. */
export function matchRecall(
	recalls: readonly RecallRow[],
	{ plugin, version, digest }: RecallableVersion,
): RecallRow | undefined {
	return recalls.find((recall) =>
		recall.digest !== null
			? recall.digest === digest
			: recall.plugin === plugin && semver.satisfies(version, recall.versions ?? "*", { includePrerelease: true }),
	);
}

/** @throws CodedError `version_recalled` */
export async function requireNotRecalled(queries: Queries, tenant: string, version: RecallableVersion): Promise<void> {
	const recall = matchRecall(await activeRecalls(queries, tenant), version);
	if (recall === undefined) return;
	throw errors.version_recalled(
		`plugin ${version.plugin} ${version.version} was recalled: ${recall.reason}; bring another version. ` +
			`GET /api/v1/recalls shows recall ${recall.id}, which only an admin of the tenant that declared it lifts`,
	);
}
