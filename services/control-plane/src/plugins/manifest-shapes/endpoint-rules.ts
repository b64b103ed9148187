// The network rules of all declared requests together. The first rule that fits a request is the one whose secrets it carries, so two
// requests to one address with different secrets cannot both be right.
import type { NetworkRule } from "@hookbus/schemas";
import { canonicalJson } from "../../canonical-json.js";
import type { Translation } from "./translation.js";

interface PlacedRule {
	readonly rule: NetworkRule;
	/** Place of its request in the foreign manifest. */
	readonly from: string;
}

/** As few rules as say the same, those of longer paths first. */
export function networkRules(translation: Translation, placed: readonly PlacedRule[]): NetworkRule[] {
	const rules: PlacedRule[] = [];
	for (const { rule, from } of placed) {
		const atAddress = rules.filter((other) => addressOf(other.rule) === addressOf(rule));
		const same = atAddress.find((other) => secretsOf(other.rule) === secretsOf(rule));
		const [method] = rule.methods ?? [];
		if (atAddress.some((other) => other !== same && other.rule.methods?.some((known) => known === method))) {
			translation.refuse(
				from,
				`sends other secrets to ${rule.host}${rule.path} than another endpoint; the host could not tell them apart`,
			);
		}
		if (same === undefined) rules.push({ rule, from });
		else rules[rules.indexOf(same)] = { ...same, rule: withMethods(same.rule, rule) };
	}
	rules.sort((a, b) => (b.rule.path ?? "").length - (a.rule.path ?? "").length);
	rules.forEach(({ from }, index) => {
		translation.madeFrom(`/network/${index}`, `${from}/url`);
	});
	return rules.map(({ rule }) => rule);
}

function withMethods(rule: NetworkRule, other: NetworkRule): NetworkRule {
	return { ...rule, methods: [...new Set([...(rule.methods ?? []), ...(other.methods ?? [])])] };
}

function addressOf({ scheme, host, port, path }: NetworkRule): string {
	return canonicalJson({ scheme, host, port: port ?? 0, path });
}

function secretsOf({ secrets }: NetworkRule): string {
	return canonicalJson(secrets ?? []);
}
