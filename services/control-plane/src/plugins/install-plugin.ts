// Stores an admitted package: as a new plugin, or as another version of one that is there. Everything happens in one change,
// so a package is either there with its grants, binding and state as asked for, or not at all.
import type { Actor } from "../audit/actor.js";
import { DEFAULT_BINDING, findBinding, saveBinding } from "../bindings/repository.js";
import { canonicalJson } from "../canonical-json.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { lookalikesOf } from "../marketplace/lookalike-names.js";
import { requireNotRecalled } from "../recalls/match-recall.js";
import { type ChangeOutcome, type Committed, commitChange } from "../routing/commit-change.js";
import { requireSigner } from "../trust/require-signer.js";
import type { AdmittedPackage } from "./admit-package.js";
import { requireDependencies, requireNoDependents } from "./dependencies.js";
import type { Upload } from "./receive-upload.js";
import {
	findGranted,
	findPlugin,
	findVersion,
	insertPlugin,
	insertVersion,
	listPlugins,
	type PluginRow,
	setGrants,
	setSignature,
	updatePlugin,
	type VersionRow,
} from "./repository.js";
import { type ActivationParts, requireActivatable } from "./require-activatable.js";
import { type Consent, requireConsent, requireOwnName } from "./require-consent.js";
import { requireCurrentVersion, requirePlugin } from "./require-plugin.js";
import { grantsAfterUpload } from "./wish-grants.js";

export interface Wishes extends Pick<Upload, "grants" | "enable" | "bind"> {
	readonly consent: Consent;
}

export interface Installed {
	readonly name: string;
	/** False when exactly this version was there already; then nothing else was changed either. */
	readonly created: boolean;
	/** Installed plugins whose names look like that of this new one. */
	readonly lookalikes?: readonly string[];
}

export interface InstallParts extends ActivationParts {
	readonly database: Database;
}

/**
 * Installs a plugin that is not there yet. The same package again changes nothing.
 *
 * @throws CodedError `plugin_exists`, `version_exists`, `grants_missing`, `grant_not_asked`, `config_invalid`,
 * `dependencies_missing`, `version_recalled`, `name_lookalike`, and what `requireSigner` throws
 */
export function installPlugin(
	parts: InstallParts,
	actor: Actor,
	admitted: AdmittedPackage,
	wishes: Wishes,
): Promise<Committed<Installed>> {
	const { name, version } = admitted.manifest;
	return commitChange(parts.database, actor, async (queries, revision) => {
		await requireNotRecalled(queries, actor.tenant, { plugin: name, version, digest: admitted.digest });
		const existing = await findPlugin(queries, actor.tenant, name);
		if (existing === undefined) {
			const lookalikes = await findLookalikes(queries, actor.tenant, name);
			// Somebody who sends a package knows which one; in a list of a marketplace names are all that one sees.
			if (admitted.origin !== undefined) requireOwnName(admitted.manifest, lookalikes, wishes.consent);
			const signer = await signerOf(queries, actor, admitted, null);
			await insertPlugin(queries, actor.tenant, name, version);
			await pinSigner(queries, actor, name, null, signer);
			await storeVersion(queries, actor, admitted);
			const bind = wishes.bind ?? "tenant";
			const how = { action: "plugin.install", before: undefined, revision };
			const outcome = await settle(queries, parts, actor, admitted, { ...wishes, bind }, how);
			return { ...outcome, result: { ...outcome.result, lookalikes } };
		}
		const stored = await findVersion(queries, actor.tenant, name, version);
		if (stored === undefined) {
			throw errors.plugin_exists(
				`plugin ${name} is installed already, in version ${existing.version}; bring version ${version} with PUT /api/v1/plugins/${name}`,
			);
		}
		requireSameContent(stored, admitted);
		return await sameVersion(queries, actor, admitted, existing, stored);
	});
}

/**
 * Makes the package the current version of a plugin that is there: a new version, or one that was there before.
 *
 * @param activate false: the version is only stored, for a rollout; the wishes have to be empty then
 * @throws CodedError `plugin_not_found`, `plugin_name_differs`, `version_exists`, `grants_missing`, `grant_not_asked`,
 * `limits_invalid`, `config_invalid`, `dependencies_missing`, `dependency_cycle`, `dependents_exist`, `version_recalled`,
 * `consent_needed`, and what `requireSigner` throws
 */
export function replaceVersion(
	parts: InstallParts,
	actor: Actor,
	name: string,
	admitted: AdmittedPackage,
	wishes: Wishes,
	activate = true,
): Promise<Committed<Installed>> {
	const { manifest } = admitted;
	if (manifest.name !== name) {
		throw errors.plugin_name_differs(
			`the package holds plugin ${manifest.name}, not ${name}; send it to /api/v1/plugins/${manifest.name}, or install it`,
		);
	}
	return commitChange(parts.database, actor, async (queries, revision) => {
		await requireNotRecalled(queries, actor.tenant, { plugin: name, version: manifest.version, digest: admitted.digest });
		const existing = await requirePlugin(queries, actor.tenant, name);
		const stored = await findVersion(queries, actor.tenant, name, manifest.version);
		if (stored !== undefined) requireSameContent(stored, admitted);
		const wishesNothing = wishes.grants === undefined && wishes.enable === undefined && wishes.bind === undefined;
		if (stored !== undefined && existing.version === manifest.version && wishesNothing) {
			return await sameVersion(queries, actor, admitted, existing, stored);
		}
		// A version that is there was looked at when it came.
		if (stored === undefined) {
			requireConsent(await requireCurrentVersion(queries, actor.tenant, existing), admitted, wishes.consent);
		}
		const signer = await signerOf(queries, actor, admitted, existing.publisher);
		await pinSigner(queries, actor, name, existing.publisher, signer);
		if (stored === undefined) await storeVersion(queries, actor, admitted);
		else await keepSignature(queries, actor, admitted, stored);
		if (!activate) {
			const { version } = manifest;
			const audit = { action: "plugin.add_version", target: name, detail: { version, digest: admitted.digest } };
			return { result: { name, created: stored === undefined }, audit: stored === undefined ? audit : undefined };
		}
		await updatePlugin(queries, actor.tenant, name, { version: manifest.version });
		const how = { action: "plugin.update", before: existing, revision };
		const outcome = await settle(queries, parts, actor, admitted, wishes, how);
		return { ...outcome, result: { name, created: stored === undefined } };
	});
}

function storeVersion(queries: Queries, actor: Actor, admitted: AdmittedPackage): Promise<void> {
	const { manifest, digest, module, readme, signature, origin } = admitted;
	return insertVersion(queries, actor.tenant, { manifest, digest, module, readme, signature, origin, createdBy: actor.name });
}

async function findLookalikes(queries: Queries, tenant: string, name: string): Promise<string[]> {
	return lookalikesOf(
		name,
		(await listPlugins(queries, tenant)).map((plugin) => plugin.name),
	);
}

/** The version that came is there and current already. Only a signature that it did not have is news. */
async function sameVersion(
	queries: Queries,
	actor: Actor,
	admitted: AdmittedPackage,
	existing: PluginRow,
	stored: VersionRow,
): Promise<ChangeOutcome<Installed>> {
	const { name, version } = admitted.manifest;
	const result = { name, created: false };
	if (!isNewSignature(admitted, stored)) return { result, audit: undefined };
	const signer = await signerOf(queries, actor, admitted, existing.publisher);
	await pinSigner(queries, actor, name, existing.publisher, signer);
	await keepSignature(queries, actor, admitted, stored);
	return { result, audit: { action: "plugin.sign", target: name, detail: { version, publisher: signer } } };
}

function signerOf(queries: Queries, actor: Actor, admitted: AdmittedPackage, pinned: string | null): Promise<string | null> {
	const { manifest, digest, signature } = admitted;
	const signed = { plugin: manifest.name, version: manifest.version, signature: signature ?? null, digest };
	return requireSigner(queries, actor.tenant, signed, pinned);
}

/** The first who signs a package of a plugin is its publisher. */
async function pinSigner(
	queries: Queries,
	actor: Actor,
	name: string,
	pinned: string | null,
	signer: string | null,
): Promise<void> {
	if (pinned === null && signer !== null) await updatePlugin(queries, actor.tenant, name, { publisher: signer });
}

function isNewSignature({ signature }: AdmittedPackage, stored: VersionRow): boolean {
	return signature !== undefined && canonicalJson(signature) !== canonicalJson(stored.signature);
}

async function keepSignature(queries: Queries, actor: Actor, admitted: AdmittedPackage, stored: VersionRow): Promise<void> {
	const { manifest, signature } = admitted;
	if (signature === undefined || !isNewSignature(admitted, stored)) return;
	await setSignature(queries, actor.tenant, manifest.name, manifest.version, signature);
}

/**
 * A version is immutable: its module, its manifest, and its README once there is one. A repeated upload may leave the README
 * out, as a bare module does.
 */
function requireSameContent(stored: VersionRow, { manifest, digest, readme }: AdmittedPackage): void {
	const differences = [
		stored.digest === digest ? [] : [{ path: "plugin.wasm", message: `SHA-256 ${stored.digest} is stored, ${digest} was sent` }],
		canonicalJson(stored.manifest) === canonicalJson(manifest)
			? []
			: [{ path: "manifest", message: "differs from the stored one" }],
		readme === undefined || readme === stored.readme ? [] : [{ path: "README.md", message: "differs from the stored one" }],
	].flat();
	if (differences.length === 0) return;
	throw errors.version_exists(
		`version ${manifest.version} of plugin ${manifest.name} exists with another ${differences.map(({ path }) => path).join(", ")}; ` +
			"a version never changes — raise the version number",
		{ errors: differences },
	);
}

interface Arrival {
	/** For the audit log. */
	readonly action: string;
	/** The plugin as it was; undefined: it is new. */
	readonly before: PluginRow | undefined;
	/** Revision that this change makes. */
	readonly revision: number;
}

async function settle(
	queries: Queries,
	parts: InstallParts,
	actor: Actor,
	{ manifest, digest, signature, origin }: AdmittedPackage,
	wishes: Wishes,
	{ action, before, revision }: Arrival,
): Promise<ChangeOutcome<Installed>> {
	const { name, version } = manifest;
	const granted = grantsAfterUpload(manifest, await findGranted(queries, actor.tenant, name), wishes.grants);
	await setGrants(queries, actor.tenant, name, granted, actor.name);
	if (wishes.bind === "tenant" && (await findBinding(queries, actor.tenant, name, null)) === undefined) {
		await saveBinding(queries, actor.tenant, name, null, DEFAULT_BINDING);
	}
	const enabled = wishes.enable ?? before?.enabled ?? false;
	await requireDependencies(queries, actor.tenant, manifest, enabled);
	if (!enabled && before?.enabled === true)
		await requireNoDependents(queries, actor.tenant, name, `plugin ${name} cannot be disabled`);
	if (enabled) await requireActivatable(queries, parts, actor.tenant, { manifest, digest }, before?.limits ?? null);
	await updatePlugin(queries, actor.tenant, name, { enabled, changedRevision: revision });
	return {
		result: { name, created: true },
		audit: {
			action,
			target: name,
			detail: {
				version,
				digest,
				...(signature === undefined ? {} : { publisher: signature.keyId }),
				...(origin === undefined ? {} : { origin: origin.marketId }),
				...(wishes.consent.accepted === undefined ? {} : { accepted: wishes.consent.accepted }),
				granted: granted.grants,
				...(granted.network.length === 0 ? {} : { network: granted.network }),
				enabled,
				bind: wishes.bind ?? "unchanged",
			},
		},
	};
}
