// Changes of whom a tenant trusts. Runtimes see nothing of it, so no revision is made.
import { keyIdOf, type NewPublisher, type TrustPolicy } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import { recordAudit } from "../audit/record-audit.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { currentVersions, updatePlugin } from "../plugins/repository.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { commitUnrouted } from "../routing/commit-unrouted.js";
import {
	deletePublisher,
	findPolicy,
	findPublisher,
	insertPublisher,
	listPublishers,
	type PublisherRow,
	savePolicy,
} from "./repository.js";

/** @throws CodedError `publisher_exists` */
export function addPublisher(database: Database, actor: Actor, { name, publicKey }: NewPublisher): Promise<PublisherRow> {
	const { tenant } = actor;
	const keyId = keyIdOf(publicKey);
	return commitUnrouted(database, actor, async (queries) => {
		const known = await findPublisher(queries, tenant, keyId);
		if (known !== undefined) {
			throw errors.publisher_exists(
				`key ${keyId} is trusted already, as ${known.name}; remove it with DELETE /api/v1/trusted-publishers/${keyId} to name it anew`,
			);
		}
		const row = await insertPublisher(queries, tenant, { keyId, publicKey, name, addedBy: actor.name });
		await recordAudit(queries, actor, { action: "publisher.trust", target: keyId, detail: { name, publicKey } }, null);
		return row;
	});
}

/**
 * Trusts a publisher no more. What is installed stays as it is; what that key signed cannot be enabled again.
 *
 * @throws CodedError `publisher_not_found`
 */
export function removePublisher(database: Database, actor: Actor, keyId: string): Promise<PublisherRow> {
	const { tenant } = actor;
	return commitUnrouted(database, actor, async (queries) => {
		const row = await requirePublisher(queries, tenant, keyId);
		await deletePublisher(queries, tenant, keyId);
		await recordAudit(queries, actor, { action: "publisher.distrust", target: keyId, detail: { name: row.name } }, null);
		return row;
	});
}

/** @throws CodedError `publisher_not_found` */
async function requirePublisher(queries: Queries, tenant: string, keyId: string): Promise<PublisherRow> {
	const row = await findPublisher(queries, tenant, keyId);
	if (row !== undefined) return row;
	throw errors.publisher_not_found(`key ${keyId} is not trusted here; GET /api/v1/trusted-publishers lists which are`);
}

export function readPolicy(database: Database, tenant: string): Promise<TrustPolicy> {
	return database.of(tenant).query((queries) => showPolicy(queries, tenant));
}

/** Asking for the policy that there is changes nothing. */
export function changePolicy(database: Database, actor: Actor, requireSignature: boolean): Promise<TrustPolicy> {
	const { tenant } = actor;
	return commitUnrouted(database, actor, async (queries) => {
		const before = (await findPolicy(queries, tenant))?.requireSignature ?? false;
		if (before !== requireSignature) {
			await savePolicy(queries, tenant, requireSignature, actor.name);
			const detail = { before: { requireSignature: before }, after: { requireSignature } };
			await recordAudit(queries, actor, { action: "trust_policy.set", target: tenant, detail }, null);
		}
		return await showPolicy(queries, tenant);
	});
}

async function showPolicy(queries: Queries, tenant: string): Promise<TrustPolicy> {
	const policy = await findPolicy(queries, tenant);
	const trusted = new Set((await listPublishers(queries, tenant)).map(({ keyId }) => keyId));
	const unverified = [...(await currentVersions(queries, tenant))]
		.filter(([, { signature }]) => signature === null || !trusted.has(signature.keyId))
		.map(([plugin, { version }]) => ({ plugin, version }))
		.sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
	return {
		requireSignature: policy?.requireSignature ?? false,
		...(policy === undefined ? {} : { changedAt: policy.changedAt.toISOString(), changedBy: policy.changedBy }),
		unverified,
	};
}

/**
 * Says whose plugin it is from now on, after its publisher changed the key or gave the plugin away.
 *
 * @param keyId null: whoever signs its next signed package
 * @throws CodedError `plugin_not_found`, `publisher_not_found`
 */
export function pinPublisher(database: Database, actor: Actor, name: string, keyId: string | null): Promise<void> {
	const { tenant } = actor;
	return commitUnrouted(database, actor, async (queries) => {
		const { publisher: before } = await requirePlugin(queries, tenant, name);
		if (keyId !== null) await requirePublisher(queries, tenant, keyId);
		if (before === keyId) return;
		await updatePlugin(queries, tenant, name, { publisher: keyId });
		await recordAudit(queries, actor, { action: "plugin.publisher", target: name, detail: { before, after: keyId } }, null);
	});
}
