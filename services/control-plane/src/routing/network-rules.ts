// Network rules as people and comparisons need them: with every default written out, so that a rule that leaves one out is the
// same rule, and as a line of text for messages.
import type { NetworkRule } from "@hookbus/schemas";

/** The rule with every default written out. */
export function completeRule(rule: NetworkRule): Required<Omit<NetworkRule, "secrets">> & Pick<NetworkRule, "secrets"> {
	const scheme = rule.scheme ?? "https";
	return { methods: ["GET"], path: "/", port: scheme === "http" ? 80 : 443, ...rule, scheme };
}

/** A rule in a line of text: `GET, POST https://api.example.com:8443/v1 with secret token`. */
export function describeRule(rule: NetworkRule): string {
	const { host, scheme, port, methods, path, secrets } = completeRule(rule);
	const address = `${scheme}://${host}${rule.port === undefined ? "" : `:${port}`}${path}`;
	const fields = [...new Set((secrets ?? []).map(({ secret }) => secret))];
	return `${methods.join(", ")} ${address}${fields.length === 0 ? "" : ` with secret ${fields.join(", ")}`}`;
}
