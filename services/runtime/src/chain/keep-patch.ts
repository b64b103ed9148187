// Keeps what a plugin's patch said for the execution record, where the binding asks for it. A patch holds text of the conversation and
// can hold a secret of the plugin, so secrets are masked as in log lines; and it can be large, so what is kept is bounded, for each
// invocation and for each event: the records of an event travel in one message and stand in the checkpoint beside the event.
import { type Execution, MAX_RECORDED_PATCH_BYTES } from "@hookbus/schemas";
import { maskSecrets } from "../host-calls/log/mask-secrets.js";
import { isJsonObject, type JsonObject } from "./merge-patch.js";
import { jsonBytes } from "./verdict-size.js";

/** Most bytes of all patches that are kept of one event. */
const MAX_EVENT_PATCH_BYTES = 64 * 1024;

export type KeptPatch = Pick<Execution, "patch" | "patchOmitted">;

/**
 * @param patch what the plugin was allowed to change; its nesting is bounded already
 * @param secrets that the plugin can read
 * @param kept of the invocations before
 */
export function keepPatch(patch: JsonObject, secrets: readonly string[], kept: readonly KeptPatch[]): KeptPatch {
	const bytes = jsonBytes(patch);
	if (bytes > MAX_RECORDED_PATCH_BYTES) return { patchOmitted: { bytes } };
	const masked = secrets.length === 0 ? patch : (maskTexts(patch, secrets) as JsonObject);
	const used = kept.reduce((sum, before) => sum + jsonBytes(before.patch), 0);
	// A mask can be longer than what it hides.
	const maskedBytes = masked === patch ? bytes : jsonBytes(masked);
	const fits = maskedBytes <= MAX_RECORDED_PATCH_BYTES && used + maskedBytes <= MAX_EVENT_PATCH_BYTES;
	return fits ? { patch: masked } : { patchOmitted: { bytes } };
}

/** Text by text, so that it stays JSON whatever a secret looks like. */
function maskTexts(value: unknown, secrets: readonly string[]): unknown {
	if (typeof value === "string") return maskSecrets(value, secrets);
	if (Array.isArray(value)) return value.map((item) => maskTexts(item, secrets));
	if (!isJsonObject(value)) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, inner]) => [maskSecrets(name, secrets), maskTexts(inner, secrets)]),
	);
}
