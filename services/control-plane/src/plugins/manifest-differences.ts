// What a new version asks for, or says, that the version before did not: what an admin should look at before it runs. Only more is a
// difference; a version that wants less takes nothing from anybody.
import type { HookEntry, Manifest, ManifestNote, ToolDefinition } from "@hookbus/schemas";
import { canonicalJson } from "../canonical-json.js";
import { rulesAmong } from "../routing/granted.js";
import { describeRule } from "../routing/network-rules.js";

/** A version as far as it is compared. */
export interface ComparedVersion {
	readonly manifest: Manifest;
	/** SHA-256 of the module, hex. */
	readonly digest: string;
}

/** In the order of the manifest; empty: nothing more, and other code for every other word. */
export function manifestDifferences(before: ComparedVersion, after: ComparedVersion): ManifestNote[] {
	const differences = [
		...permissionDifferences(before.manifest, after.manifest),
		...hookDifferences(before.manifest, after.manifest),
		...toolDifferences(before.manifest, after.manifest),
		...configDifferences(before.manifest, after.manifest),
	];
	if (before.digest !== after.digest) return differences;
	const named = new Set(differences.map(({ path }) => path.split("/")[1]));
	return [...differences, ...textDifferences(before.manifest, after.manifest).filter(({ path }) => !named.has(path.slice(1)))];
}

function permissionDifferences(before: Manifest, after: Manifest): ManifestNote[] {
	const held = new Set(before.permissions ?? []);
	const kept = rulesAmong(after.network ?? [], before.network ?? []);
	return [
		...(after.permissions ?? []).flatMap((permission) =>
			held.has(permission) ? [] : [{ path: `/permissions/${permission}`, message: "is asked for, and was not before" }],
		),
		...(after.network ?? []).flatMap((rule, index) =>
			kept.includes(rule)
				? []
				: [{ path: `/network/${index}`, message: `${describeRule(rule)}: is asked for, and was not before` }],
		),
	];
}

function hookDifferences(before: Manifest, after: Manifest): ManifestNote[] {
	return after.hooks.flatMap((entry, index) => {
		const path = `/hooks/${index}`;
		const earlier = before.hooks.find(({ hook }) => hook === entry.hook);
		if (earlier === undefined) return [{ path, message: `${entry.hook} (${entry.effect}): the version before does not have it` }];
		const message = entryDifference(earlier, entry);
		return message === undefined ? [] : [{ path, message: `${entry.hook}: ${message}` }];
	});
}

function entryDifference(before: HookEntry, after: HookEntry): string | undefined {
	if (before.effect !== after.effect) return `effect ${after.effect} instead of ${before.effect}`;
	const paths = (after.paths ?? []).filter((path) => !before.paths?.includes(path));
	if (paths.length > 0) return `writes ${paths.map((path) => path || "everything").join(", ")} as well`;
	const phases = canonicalJson(before.phases ?? null) !== canonicalJson(after.phases ?? null);
	return phases ? `runs in the phases ${after.phases?.join(", ") ?? "request, result"}` : undefined;
}

function toolDifferences(before: Manifest, after: Manifest): ManifestNote[] {
	return (after.tools ?? []).flatMap((tool, index) => {
		const earlier = before.tools?.find(({ name }) => name === tool.name);
		const message = toolDifference(earlier, tool);
		return message === undefined ? [] : [{ path: `/tools/${index}`, message: `${tool.name}: ${message}` }];
	});
}

/** Its description and parameters are read by the model: other words are other orders. */
function toolDifference(before: ToolDefinition | undefined, after: ToolDefinition): string | undefined {
	if (before === undefined) return "the version before does not have it";
	if (before.description !== after.description) return `is described to the model as: ${after.description}`;
	return canonicalJson(before) === canonicalJson(after) ? undefined : "takes other parameters";
}

function configDifferences(before: Manifest, after: Manifest): ManifestNote[] {
	const properties = (manifest: Manifest) => Object.keys((manifest.config?.["properties"] ?? {}) as object);
	const held = new Set(properties(before));
	return properties(after)
		.filter((name) => !held.has(name))
		.map((name) => ({ path: `/config/properties/${name}`, message: "is asked for, and was not before" }));
}

/** With the same code, words are all that a new version brings. */
function textDifferences(before: Manifest, after: Manifest): ManifestNote[] {
	const names = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof Manifest)[]);
	return [...names]
		.filter((name) => name !== "version" && canonicalJson(before[name] ?? null) !== canonicalJson(after[name] ?? null))
		.map((name) => ({ path: `/${name}`, message: "differs, and the code is the same" }));
}
