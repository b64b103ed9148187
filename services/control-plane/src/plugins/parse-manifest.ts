// Reads a manifest's text, YAML or JSON, in a check thread: a few bytes of YAML can stand for gigabytes.
import type { CheckThreads } from "../checks/check-threads.js";
import { errors } from "../errors.js";

/** Largest manifest in bytes. */
export const MAX_MANIFEST_BYTES = 256 * 1024;

/**
 * @param name what it is called in messages: `plugin.yaml`
 * @throws CodedError `manifest_unreadable`
 */
export async function parseManifest(text: string, name: string, threads: CheckThreads): Promise<unknown> {
	const size = Buffer.byteLength(text);
	if (size > MAX_MANIFEST_BYTES) {
		throw errors.manifest_unreadable(`${name} has ${size} bytes; at most ${MAX_MANIFEST_BYTES} are read`);
	}
	const checked = await threads.run({ type: "parse_manifest", text });
	if (!checked.ok) throw errors.manifest_unreadable(`${name} cannot be read: ${checked.why}`);
	if ("fault" in checked.answer) throw errors.manifest_unreadable(`${name} is neither YAML nor JSON: ${checked.answer.fault}`);
	return checked.answer.value;
}
