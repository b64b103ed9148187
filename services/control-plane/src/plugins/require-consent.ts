// Holds back what an admin has to look at first, and takes the answer: the id of exactly what was shown. A package that was changed
// between look and answer has another id, so nobody accepts what they did not see.
import type { Manifest, ManifestNote } from "@hookbus/schemas";
import { digestOfJson } from "../canonical-json.js";
import { errors } from "../errors.js";
import { type ComparedVersion, manifestDifferences } from "./manifest-differences.js";

export interface Consent {
	/** False: whoever sends the package is an admin who has it in hand, and that is the consent. */
	readonly needed: boolean;
	/** Ids of what an admin accepted. */
	readonly accepted: string | undefined;
}

/**
 * An update that asks for more, or says something else with the same code.
 *
 * @throws CodedError `consent_needed`
 */
export function requireConsent(before: ComparedVersion, after: ComparedVersion, consent: Consent): void {
	if (!consent.needed) return;
	const differences = manifestDifferences(before, after);
	if (differences.length === 0) return;
	const id = consentId([before.digest, after.digest, differences]);
	if (consent.accepted === id) return;
	const { name, version } = after.manifest;
	throw errors.consent_needed(
		`version ${version} of plugin ${name} asks for or says something that version ${before.manifest.version} does not: ` +
			`${listed(differences)}. Version ${before.manifest.version} stays; an admin who wants it sends accept=${id} with the package`,
		{ errors: differences },
	);
}

/**
 * A new plugin from a marketplace whose name looks like one that is installed.
 *
 * @throws CodedError `name_lookalike`
 */
export function requireOwnName({ name }: Manifest, lookalikes: readonly string[], consent: Consent): void {
	if (lookalikes.length === 0) return;
	const id = consentId([name, lookalikes]);
	if (consent.accepted === id) return;
	throw errors.name_lookalike(
		`${name} looks like ${lookalikes.join(", ")}, which is installed and another plugin; ` +
			`an admin who is sure that both are meant sends accept=${id}`,
		{ errors: [{ path: "/name", message: `looks like ${lookalikes.join(", ")}` }] },
	);
}

function consentId(shown: unknown): string {
	return digestOfJson(shown).slice(0, 32);
}

/** The first few, for a sentence. */
function listed(differences: readonly ManifestNote[]): string {
	const named = differences.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
	return differences.length > 3 ? `${named.join("; ")}; and ${differences.length - 3} more` : named.join("; ");
}
