// Everything that is checked about a manifest before a package is taken, and what an author should know besides. One place,
// so that validate-manifest says exactly what an install would say.
import { HOST_API_VERSION, type Manifest, type ManifestNote, manifestFaults } from "@hookbus/schemas";
import semver from "semver";
import type { CheckThreads } from "../checks/check-threads.js";
import { jsonSchemaFaults } from "../checks/json-schema-faults.js";
import { findUnstorable } from "../checks/unstorable-text.js";
import { defaultConfig, secretFields } from "../config/config-schema.js";
import { isObject } from "../config/merge-config.js";
import { DEFAULT_ORDER } from "../routing/chain-order.js";
import { effectiveLimits } from "../routing/effective-limits.js";
import { completeRule, describeRule } from "../routing/network-rules.js";
import { translateManifest } from "./manifest-shapes/translate-manifest.js";

/** Names that are words of the REST paths; a plugin with such a name could not be asked for. */
const RESERVED_NAMES = ["install", "metrics", "updates", "validate-manifest"];
/** Deepest nesting of a manifest; no schema allows more, and deeper ones only serve to break recursion. */
const MAX_DEPTH = 32;

export interface ManifestReport {
	/** The manifest in our form: as it was written, or translated from another shape; absent when it is not valid. */
	readonly manifest?: Manifest;
	/** Paths lead into the manifest as it was written. */
	readonly errors: readonly ManifestNote[];
	readonly warnings: readonly ManifestNote[];
}

/** Never throws. */
export async function checkManifest(value: unknown, threads: CheckThreads): Promise<ManifestReport> {
	const fatal = (path: string, message: string): ManifestReport => ({ errors: [{ path, message }], warnings: [] });
	if (!isObject(value)) return fatal("", "the manifest must be an object with name, version, hooks and more");
	if (isDeeperThan(value, MAX_DEPTH)) return fatal("", `the manifest is nested more than ${MAX_DEPTH} deep`);
	const unstorable = findUnstorable(value);
	if (unstorable !== undefined) return fatal(unstorable, "holds U+0000 or half of a surrogate pair");
	const { manifest, errors, warnings, locate } = translateManifest(value);
	if (errors.length > 0) return { errors, warnings };
	if (isDeeperThan(manifest, MAX_DEPTH)) return fatal("", `the manifest is nested more than ${MAX_DEPTH} deep once translated`);
	const report = await checkOwnManifest(manifest, threads);
	const located = (note: ManifestNote): ManifestNote => ({ ...note, path: locate(note.path) });
	return { ...report, errors: report.errors.map(located), warnings: [...warnings, ...report.warnings.map(located)] };
}

async function checkOwnManifest(value: Record<string, unknown>, threads: CheckThreads): Promise<ManifestReport> {
	const shape = manifestFaults(value);
	if (shape.length > 0) return { errors: shape, warnings: [] };
	const manifest = value as unknown as Manifest;
	const rules = [
		...nameFaults(manifest),
		...versionFaults(manifest),
		...configFaults(manifest),
		...toolFaults(manifest),
		...networkFaults(manifest),
		...dependencyFaults(manifest),
	];
	const errors =
		rules.length > 0 ? rules : [...(await defaultFaults(manifest, threads)), ...(await toolRunFaults(manifest, threads))];
	return { ...(errors.length === 0 ? { manifest } : {}), errors, warnings: warningsOf(manifest) };
}

/** The manifest with every default written out. */
export function normaliseManifest(manifest: Manifest): Manifest {
	return {
		...manifest,
		tags: manifest.tags ?? [],
		type: manifest.type ?? "custom",
		hooks: manifest.hooks.map((entry) => ({
			...entry,
			order: entry.order ?? DEFAULT_ORDER,
			...(entry.hook === "on_tool_call"
				? { phases: entry.phases ?? (entry.effect === "claim" ? ["request"] : ["request", "result"]) }
				: {}),
		})),
		tools: manifest.tools ?? [],
		permissions: manifest.permissions ?? [],
		network: (manifest.network ?? []).map(completeRule),
		defaults: defaultConfig(manifest),
		limits: effectiveLimits(manifest),
		dependencies: manifest.dependencies ?? {},
	};
}

function isDeeperThan(value: unknown, levels: number): boolean {
	if (typeof value !== "object" || value === null) return false;
	return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

function nameFaults({ name }: Manifest): ManifestNote[] {
	return RESERVED_NAMES.includes(name)
		? [{ path: "/name", message: `${name} is reserved for the REST API; choose another name` }]
		: [];
}

function versionFaults({ version, hookbus }: Manifest): ManifestNote[] {
	const faults: ManifestNote[] = [];
	if (semver.valid(version) === null) faults.push({ path: "/version", message: `${version} is no semantic version` });
	if (semver.validRange(hookbus) === null) {
		faults.push({ path: "/hookbus", message: `${hookbus} is no semver range; write such as ^${HOST_API_VERSION}` });
	} else if (!semver.satisfies(HOST_API_VERSION, hookbus)) {
		faults.push({ path: "/hookbus", message: `${hookbus} does not include ${HOST_API_VERSION}, the host API of this release` });
	}
	return faults;
}

function configFaults(manifest: Manifest): ManifestNote[] {
	const { config, defaults } = manifest;
	if (config === undefined) {
		return Object.keys(defaults ?? {}).length === 0
			? []
			: [{ path: "/defaults", message: "defaults need a config schema that describes them" }];
	}
	if (config["type"] !== "object") return [{ path: "/config/type", message: "a configuration is an object; write type: object" }];
	const misplaced: ManifestNote[] = [];
	const faults = jsonSchemaFaults(config, "/config", {
		visit(schema, path) {
			const { userScope } = schema;
			if (userScope !== undefined && (typeof userScope !== "boolean" || !/^\/config\/properties\/[^/]+$/.test(path))) {
				misplaced.push({ path: `${path}/userScope`, message: "is true or false, at a property at the top of the configuration" });
			}
			if (schema["secret"] === undefined || schema["secret"] === false) return;
			if (!/^\/config\/properties\/[^/]+$/.test(path)) {
				misplaced.push({ path: `${path}/secret`, message: "only a property at the top of the configuration can be secret" });
			} else if (schema["secret"] !== true || schema["type"] !== "string") {
				misplaced.push({ path, message: "a secret is secret: true with type: string" });
			} else if (schema["default"] !== undefined) {
				misplaced.push({ path: `${path}/default`, message: "a secret has no default: everyone could read it in the package" });
			}
		},
	});
	const secrets = [...secretFields(manifest)].filter((name) => Object.hasOwn(defaults ?? {}, name));
	return [
		...faults,
		...misplaced,
		...secrets.map((name) => ({
			path: `/defaults/${name}`,
			message: "a secret has no default: everyone could read it in the package",
		})),
	];
}

function toolFaults({ tools }: Manifest): ManifestNote[] {
	return (tools ?? []).flatMap(({ parameters }, index) => {
		const at = `/tools/${index}/parameters`;
		if (parameters["type"] !== "object")
			return [{ path: `${at}/type`, message: "a tool's arguments are an object; write type: object" }];
		return jsonSchemaFaults(parameters, at);
	});
}

/** What the host puts into a request comes from the secrets of the configuration, and from nothing else. */
function networkFaults(manifest: Manifest): ManifestNote[] {
	const fields = secretFields(manifest);
	return (manifest.network ?? []).flatMap(({ secrets }, rule) =>
		(secrets ?? []).flatMap(({ secret }, index) =>
			fields.has(secret)
				? []
				: [
						{
							path: `/network/${rule}/secrets/${index}/secret`,
							message: `the configuration has no secret ${secret}; declare it there with type: string and secret: true`,
						},
					],
		),
	);
}

function dependencyFaults({ name, dependencies }: Manifest): ManifestNote[] {
	return Object.entries(dependencies ?? {}).flatMap(([plugin, range]) => {
		const path = `/dependencies/${plugin}`;
		if (plugin === name) return [{ path, message: "a plugin cannot need itself" }];
		return semver.validRange(range) === null ? [{ path, message: `${range} is no semver range; write such as ^1.0.0` }] : [];
	});
}

/** The defaults must fit the schema. What is required and has no default is left for an admin to set. */
async function defaultFaults(manifest: Manifest, threads: CheckThreads): Promise<ManifestNote[]> {
	if (manifest.config === undefined) return [];
	const { required: _set, ...schema } = manifest.config;
	const checked = await threads.run({ type: "validate", schema, values: [defaultConfig(manifest)] });
	if (!checked.ok) return [{ path: "/config", message: `the schema cannot be used: ${checked.why}` }];
	return checked.answer.faults.map(({ path, message }) => ({ path: `/defaults${path}`, message }));
}

/** A schema that breaks the validator (by endless references, say) would break every call of its tool. */
async function toolRunFaults({ tools }: Manifest, threads: CheckThreads): Promise<ManifestNote[]> {
	const faults: ManifestNote[] = [];
	for (const [index, { parameters }] of (tools ?? []).entries()) {
		const checked = await threads.run({ type: "validate", schema: parameters, values: [{}] });
		if (!checked.ok) faults.push({ path: `/tools/${index}/parameters`, message: `the schema cannot be used: ${checked.why}` });
	}
	return faults;
}

function warningsOf(manifest: Manifest): ManifestNote[] {
	const warnings: ManifestNote[] = [];
	const warn = (path: string, message: string) => {
		warnings.push({ path, message });
	};
	if (manifest.license === undefined) warn("/license", "no license: others cannot know whether they may use it");
	const readsText = manifest.permissions?.includes("read_messages") ?? false;
	if (!readsText) warn("/permissions", "without read_messages the plugin sees envelope and shape, but no text");
	const properties = manifest.config?.["properties"];
	for (const [name, value] of Object.entries(manifest.defaults ?? {})) {
		const schema = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
		if (isObject(schema) && schema["default"] !== undefined && JSON.stringify(schema["default"]) !== JSON.stringify(value)) {
			warn(`/defaults/${name}`, `the schema's default is another one (${JSON.stringify(schema["default"])}); this one counts`);
		}
	}
	const placed = new Set((manifest.network ?? []).flatMap(({ secrets }) => (secrets ?? []).map(({ secret }) => secret)));
	const unseen = [...secretFields(manifest)].some((field) => !placed.has(field));
	if (unseen && manifest.permissions?.includes("read_secrets") !== true) {
		warn("/permissions", "it has secret configuration and does not ask for read_secrets, so it will not see it");
	}
	return [...warnings, ...networkWarnings(manifest)];
}

function networkWarnings({ network }: Manifest): ManifestNote[] {
	return (network ?? []).flatMap((rule, index) => [
		...(rule.scheme === "http"
			? [
					{
						path: `/network/${index}/scheme`,
						message: `${describeRule(rule)} goes over http: whoever is on the way reads and changes it`,
					},
				]
			: []),
		...(rule.host.startsWith("*.")
			? [
					{
						path: `/network/${index}/host`,
						message: `${rule.host} allows every name below ${rule.host.slice(2)}; name the hosts if they are known`,
					},
				]
			: []),
	]);
}
