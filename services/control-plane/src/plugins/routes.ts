// REST: install, list, show, switch, grant and remove plugins.
import { CodedError } from "@hookbus/foundation";
import {
	Change,
	GrantsBody,
	ManifestCheck,
	type ManifestNote,
	PluginChange,
	PluginDetail,
	PluginList,
	PluginName,
	PluginStatus,
	PluginType,
	PluginVersionList,
	WaitQuery,
} from "@hookbus/schemas";
import { Type } from "@sinclair/typebox";
import type { FastifyRequest } from "fastify";
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";
import { decodePluginCursor, encodePluginCursor } from "../executions/page-cursor.js";
import type { RuntimeFleet } from "../fleet/runtime-fleet.js";
import { UPLOAD_FIELD_ROLES } from "../http/access-policy.js";
import type { AnswerChange } from "../http/answer-change.js";
import { answers } from "../http/answers.js";
import type { App } from "../http/app.js";
import { type Caller, callerOf, requireRole } from "../http/authentication.js";
import type { FileFetcher } from "../marketplace/fetch-file.js";
import { fetchOffer } from "../marketplace/fetch-offer.js";
import type { ControlPlaneMetrics } from "../metrics.js";
import type { Committed } from "../routing/commit-change.js";
import { createSerialQueue } from "../serial-queue.js";
import { type AdmittedPackage, admitPackage, type UploadedPackage } from "./admit-package.js";
import { apiCallFaults } from "./api-call-module.js";
import { grantPermissions, removePlugin, switchPlugin } from "./change-plugin.js";
import { checkManifest, normaliseManifest } from "./check-manifest.js";
import { describePlugin, listPluginSummaries, readTrust, showVersions } from "./describe-plugin.js";
import { type Installed, type InstallParts, installPlugin, replaceVersion, type Wishes } from "./install-plugin.js";
import { MAX_MANIFEST_BYTES, parseManifest } from "./parse-manifest.js";
import { isPluginImport, MAX_IMPORT_BYTES, PluginImport, receiveImport } from "./receive-import.js";
import { receiveUpload, type Upload, uploadForm } from "./receive-upload.js";
import { listVersions } from "./repository.js";
import { requirePlugin } from "./require-plugin.js";
import type { Staging } from "./staging.js";

export interface PluginRoutesParts extends InstallParts {
	readonly fleet: RuntimeFleet;
	readonly staging: Staging;
	readonly checkThreads: CheckThreads;
	readonly metrics: ControlPlaneMetrics;
	readonly answerChange: AnswerChange;
	readonly fetcher: FileFetcher;
	/** Largest uploaded file in bytes. */
	readonly maxUploadBytes: number;
	/** Module of manifests that declare their requests; undefined: there is none. */
	readonly apiCallModule: Buffer | undefined;
}

const NameParams = Type.Object({ name: PluginName });

const ListQuery = Type.Object(
	{
		status: Type.Optional(PluginStatus),
		type: Type.Optional(PluginType),
		tag: Type.Optional(Type.String({ maxLength: 32 })),
		text: Type.Optional(Type.String({ maxLength: 200, description: "Somewhere in name, description, category or tags" })),
		limit: Type.Integer({ minimum: 1, maximum: 500, default: 200, description: "Most plugins of a page" }),
		cursor: Type.Optional(Type.String({ maxLength: 128, description: "next of the page before" })),
	},
	{ additionalProperties: false },
);

const UpdateQuery = Type.Object(
	{
		...WaitQuery.properties,
		activate: Type.Boolean({
			default: true,
			description: "false: only store the version, so that a rollout can try it out; the current one goes on",
		}),
	},
	{ additionalProperties: false },
);

/** A version that is only stored changes nothing else. */
function requireNoWishes({ grants, enable, bind }: Wishes): void {
	if (grants === undefined && enable === undefined && bind === undefined) return;
	throw errors.upload_field_invalid(
		"with activate=false the version is only stored; drop the form fields grants, enable and bind",
	);
}

/** A package comes as a form, or whole in one JSON document. */
const packageBody = {
	content: { "multipart/form-data": { schema: uploadForm }, "application/json": { schema: PluginImport } },
};

type Store = (caller: Caller, admitted: AdmittedPackage, wishes: Wishes) => Promise<Committed<Installed>>;

function nameWarnings({ lookalikes = [] }: Installed): ManifestNote[] {
	if (lookalikes.length === 0) return [];
	return [{ path: "/name", message: `looks like ${lookalikes.join(", ")}, which is installed and another plugin` }];
}

export function addPluginRoutes(app: App, parts: PluginRoutesParts): void {
	const { database, fleet, answerChange } = parts;
	const oneAtATime = createSerialQueue();
	const tags = ["plugins"];

	const showChange = async (
		caller: Caller,
		name: string,
		committed: Committed<unknown>,
		query: WaitQuery,
		more: { created: boolean; warnings: readonly ManifestNote[] } = { created: false, warnings: [] },
	) => {
		const change = await answerChange({ tenant: caller.tenant, revision: committed.revision, plugin: name }, query);
		const plugin = await describePlugin(database, fleet, caller.tenant, name);
		return { plugin, created: more.created, warnings: [...more.warnings], ...change };
	};

	/** The package in the staging directory: uploaded, or fetched from the marketplace that was named. */
	const receivedPackage = async (caller: Caller, upload: Upload, directory: string): Promise<UploadedPackage> => {
		const { path, marketId, manifestText, expectedDigest } = upload;
		if (marketId === undefined) return { path, manifestText, expectedDigest, offer: undefined };
		const offer = await fetchOffer(parts, caller.tenant, marketId, directory);
		return { path: offer.path, manifestText, expectedDigest, offer };
	};

	const receivePackage = async (request: FastifyRequest, store: Store) => {
		const caller = callerOf(request);
		try {
			const stored = await parts.staging.within(async (directory) => {
				const upload = isPluginImport(request.body)
					? await receiveImport(request.body, directory)
					: await receiveUpload(request, directory, parts.maxUploadBytes);
				if (upload.enable !== undefined) requireRole(caller, UPLOAD_FIELD_ROLES.enable, "the form field enable");
				if (upload.grants !== undefined) requireRole(caller, UPLOAD_FIELD_ROLES.grants, "the form field grants");
				if (upload.accept !== undefined) requireRole(caller, UPLOAD_FIELD_ROLES.accept, "the form field accept");
				const received = await receivedPackage(caller, upload, directory);
				const needed = upload.marketId !== undefined || caller.role !== "admin";
				const wishes = { ...upload, consent: { needed, accepted: upload.accept } };
				return await oneAtATime(async () => {
					if (request.raw.socket.destroyed) throw errors.upload_incomplete("the caller is gone; the package was not looked at");
					const admitted = await admitPackage(received, parts.checkThreads, parts.apiCallModule);
					const committed = await store(caller, admitted, wishes);
					return { committed, warnings: [...admitted.warnings, ...nameWarnings(committed.result)] };
				});
			});
			parts.metrics.installs.inc({ outcome: stored.committed.changed ? "stored" : "unchanged" });
			return { caller, ...stored };
		} catch (thrown) {
			parts.metrics.installs.inc({ outcome: thrown instanceof CodedError ? thrown.code : "failed" });
			throw thrown;
		}
	};

	app.post(
		"/api/v1/plugins/install",
		{
			schema: {
				tags,
				operationId: "installPlugin",
				summary: "Install a plugin; the same package again changes nothing and answers 200",
				querystring: WaitQuery,
				body: packageBody,
				response: { ...answers(PluginChange), 201: PluginChange },
			},
			bodyLimit: MAX_IMPORT_BYTES,
		},
		async (request, reply) => {
			const stored = await receivePackage(request, (caller, admitted, wishes) => installPlugin(parts, caller, admitted, wishes));
			const { name, created } = stored.committed.result;
			const answer = await showChange(stored.caller, name, stored.committed, request.query, {
				created,
				warnings: stored.warnings,
			});
			return reply.code(created ? 201 : 200).send(answer);
		},
	);

	app.put(
		"/api/v1/plugins/:name",
		{
			schema: {
				tags,
				operationId: "updatePlugin",
				summary: "Bring another version of an installed plugin; a version that was there before becomes current again",
				params: NameParams,
				querystring: UpdateQuery,
				body: packageBody,
				response: answers(PluginChange),
			},
			bodyLimit: MAX_IMPORT_BYTES,
		},
		async (request) => {
			const { name } = request.params;
			const { activate, ...wait } = request.query;
			const stored = await receivePackage(request, (caller, admitted, wishes) => {
				if (!activate) requireNoWishes(wishes);
				return replaceVersion(parts, caller, name, admitted, wishes, activate);
			});
			const { created } = stored.committed.result;
			return await showChange(stored.caller, name, stored.committed, wait, { created, warnings: stored.warnings });
		},
	);

	app.post(
		"/api/v1/plugins/validate-manifest",
		{
			schema: {
				tags,
				operationId: "validateManifest",
				summary: "Check a manifest, JSON or YAML, as an install would; answers 200 for invalid ones too",
				consumes: ["application/json", "application/yaml"],
				body: Type.Unknown(),
				response: answers(ManifestCheck),
			},
			bodyLimit: MAX_MANIFEST_BYTES,
		},
		async ({ body }) => {
			const report = await checkManifest(
				typeof body === "string" ? await parseManifest(body, "the manifest", parts.checkThreads) : body,
				parts.checkThreads,
			);
			const errors = [...report.errors, ...apiCallFaults(report.manifest, parts.apiCallModule)];
			return {
				valid: errors.length === 0,
				...(report.manifest === undefined || errors.length > 0 ? {} : { manifest: normaliseManifest(report.manifest) }),
				errors,
				warnings: [...report.warnings],
			};
		},
	);

	app.get(
		"/api/v1/plugins",
		{
			schema: {
				tags,
				operationId: "listPlugins",
				summary: "List plugins by name",
				querystring: ListQuery,
				response: answers(PluginList),
			},
		},
		async (request) => {
			const { limit, cursor, ...filter } = request.query;
			const after = cursor === undefined ? undefined : decodePluginCursor(cursor);
			const { items, more } = await listPluginSummaries(database, callerOf(request).tenant, filter, { limit, after });
			const last = items.at(-1);
			return { items, ...(more && last !== undefined ? { next: encodePluginCursor(last.name) } : {}) };
		},
	);

	app.get(
		"/api/v1/plugins/:name",
		{ schema: { tags, operationId: "getPlugin", summary: "Show a plugin", params: NameParams, response: answers(PluginDetail) } },
		(request) => describePlugin(database, fleet, callerOf(request).tenant, request.params.name),
	);

	app.get(
		"/api/v1/plugins/:name/versions",
		{
			schema: {
				tags,
				operationId: "listVersions",
				summary: "List the versions of a plugin, newest first",
				params: NameParams,
				response: answers(PluginVersionList),
			},
		},
		async (request) => {
			const { tenant } = callerOf(request);
			return await database.of(tenant).query(async (queries) => {
				const plugin = await requirePlugin(queries, tenant, request.params.name);
				const versions = await listVersions(queries, tenant, request.params.name);
				return { items: showVersions(plugin, versions, await readTrust(queries, tenant)) };
			});
		},
	);

	const switches = [
		{
			verb: "enable",
			to: "enabled",
			summary: "Enable a plugin; needs all permissions that it asks for and a valid configuration",
		},
		{ verb: "disable", to: "disabled", summary: "Disable a plugin" },
		{ verb: "toggle", to: "toggle", summary: "Enable a disabled plugin, disable an enabled one" },
	] as const;
	for (const { verb, to, summary } of switches) {
		app.post(
			`/api/v1/plugins/:name/${verb}`,
			{
				schema: {
					tags,
					operationId: `${verb}Plugin`,
					summary,
					params: NameParams,
					querystring: WaitQuery,
					response: answers(PluginChange),
				},
			},
			async (request) => {
				const caller = callerOf(request);
				const { name } = request.params;
				return await showChange(caller, name, await switchPlugin(parts, caller, name, to), request.query);
			},
		);
	}

	app.put(
		"/api/v1/plugins/:name/grants",
		{
			schema: {
				tags,
				operationId: "setGrants",
				summary: "Grant exactly these permissions, and with network_access exactly these network rules",
				params: NameParams,
				querystring: WaitQuery,
				body: GrantsBody,
				response: answers(PluginChange),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const committed = await grantPermissions(parts, caller, name, request.body);
			return await showChange(caller, name, committed, request.query);
		},
	);

	app.delete(
		"/api/v1/plugins/:name",
		{
			schema: {
				tags,
				operationId: "deletePlugin",
				summary:
					"Remove a plugin with versions, grants, configuration, bindings and all that it kept; audit trail and executions stay",
				params: NameParams,
				querystring: WaitQuery,
				response: answers(Change),
			},
		},
		async (request) => {
			const caller = callerOf(request);
			const { name } = request.params;
			const { revision } = await removePlugin(parts, caller, name);
			return await answerChange({ tenant: caller.tenant, revision, plugin: name }, request.query);
		},
	);
}
