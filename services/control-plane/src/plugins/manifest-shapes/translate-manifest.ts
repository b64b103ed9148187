// Manifests in the shapes of other plugin systems become ours here, and nowhere else. What a manifest has decides its shape, never
// its name or where it comes from:
//
//   hookbus                                                    ours, unchanged, whatever else it has
//   configSchema, defaultConfig, pluginType, entryPoint, …     settings and resources
//   runtime: api_call, endpoints                               declared endpoints
//   functions, config_schema                                   function tools
//   hooks that are names                                       string hooks
//   none of these                                              ours
import { HOST_API_VERSION, type ManifestNote } from "@hookbus/schemas";
import type { Config } from "../../config/merge-config.js";
import { translateDeclaredEndpoints } from "./declared-endpoints.js";
import { translateFunctionTools } from "./function-tools.js";
import { SETTINGS_FIELDS, translateSettingsAndResources } from "./settings-and-resources.js";
import { hasStringHooks, translateStringHooks } from "./string-hooks.js";
import { Translation } from "./translation.js";

export interface TranslatedManifest {
	/** The manifest in our form; not checked yet. */
	readonly manifest: Config;
	readonly errors: readonly ManifestNote[];
	readonly warnings: readonly ManifestNote[];
	/** The place in the manifest as it was written that a place in ours came from. */
	readonly locate: (pointer: string) => string;
}

interface Shape {
	/** What messages call it. */
	readonly title: string;
	readonly translate: (translation: Translation) => void;
}

/** Most errors, and most warnings; nobody reads more at once. */
const MAX_NOTES = 50;
const FUNCTION_FIELDS = ["functions", "config_schema"];
const ENDPOINT_FIELDS = ["endpoints"];

/** Never throws, and changes nothing that is in our form. */
export function translateManifest(source: Config): TranslatedManifest {
	const shape = shapeOf(source);
	if (shape === undefined) return { manifest: source, errors: [], warnings: [], locate: (pointer) => pointer };
	const translation = new Translation(source);
	if ("mixed" in shape) {
		translation.refuse("", `mixes the fields of two shapes: ${shape.mixed.join(", ")}; keep one of them`);
	} else {
		translation.put("hookbus", `^${HOST_API_VERSION}`, "");
		translation.warn("", `was read as ${shape.title}, and translated`);
		shape.translate(translation);
		translation.warnOfTheRest();
	}
	const { manifest, errors, warnings } = translation;
	return {
		manifest,
		errors: errors.slice(0, MAX_NOTES),
		warnings: warnings.slice(0, MAX_NOTES),
		locate: (pointer) => translation.locate(pointer),
	};
}

function shapeOf(source: Config): Shape | { readonly mixed: readonly string[] } | undefined {
	const has = (field: string) => Object.hasOwn(source, field);
	if (has("hookbus")) return undefined;

	const settings = SETTINGS_FIELDS.filter(has);
	const functions = FUNCTION_FIELDS.filter(has);
	const endpoints = ENDPOINT_FIELDS.filter(has);
	if (settings.length > 0) {
		const mixed = [...functions.filter((field) => field !== "functions"), ...endpoints];
		if (mixed.length > 0) return { mixed: [...settings, ...mixed] };
		return { title: "a manifest of settings and resources", translate: translateSettingsAndResources };
	}
	if (source["runtime"] === "api_call" || (endpoints.length > 0 && !has("runtime"))) {
		return { title: "a manifest of declared requests", translate: translateDeclaredEndpoints };
	}
	if (functions.length > 0) return { title: "a manifest of functions", translate: translateFunctionTools };
	if (hasStringHooks(source["hooks"])) return { title: "a short manifest with names of hooks", translate: translateStringHooks };
	return undefined;
}
