// Takes a plugin's own secrets out of what it says: log lines and errors are stored and shown to people who may not see them. A
// plugin that wants to give a secret away can still encode it; this is for those that log their configuration by mistake.

/** Shorter values stand in too many texts by chance. */
export const SHORTEST_MASKED = 4;

/** Secrets as a plugin reads them: as they are, and as they stand in the JSON of its whole configuration and in a JSON pointer. */
export function secretForms(secrets: readonly string[]): string[] {
	const inPointer = (secret: string) => secret.replaceAll("~", "~0").replaceAll("/", "~1");
	return [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), inPointer(secret)]))];
}

/** The same text with every secret replaced. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
	let masked = text;
	for (const secret of secrets) {
		if (secret.length >= SHORTEST_MASKED) masked = masked.replaceAll(secret, "[secret]");
	}
	return masked;
}
