// What speaks against a text, and whether it is enough to stop it.
import { Json } from "@hookbus/plugin-as";
import { RULE_NAMES, SECRET_LEAK } from "./rules/rule-names";
import { Thresholds } from "./thresholds";

export const LOW: i32 = 1;
export const MEDIUM: i32 = 2;
export const HIGH: i32 = 3;

const SEVERITY_NAMES: StaticArray<string> = ["", "low", "medium", "high"];

/** Reason codes, one for each rule. They are part of the contract: programs compare them. */
const REASONS: StaticArray<string> = [
	"prompt_injection",
	"prompt_injection",
	"prompt_leak",
	"fake_role",
	"hidden_text",
	"encoded_payload",
	"data_exfiltration",
	"secret_leak",
	"custom_phrase",
];

/** What the user is told, unless the configuration has a text. */
const MESSAGES: StaticArray<string> = [
	"This was stopped because it tries to replace the assistant's instructions.",
	"This was stopped because it asks the assistant to drop its rules.",
	"This was stopped because it asks for the assistant's hidden instructions.",
	"This was stopped because it contains markers that imitate messages of the system.",
	"This was stopped because it contains hidden characters.",
	"This was stopped because it contains encoded instructions for the assistant.",
	"This was stopped because it tries to send data elsewhere.",
	"This was stopped because it contains a password, key or token. Remove it and try again.",
	"This was stopped by a rule of your organisation.",
];

export class Finding {
	readonly rule: i32;
	readonly severity: i32;
	/** Tells findings of one rule apart; the same thing said twice counts once. */
	readonly detail: i32;

	constructor(rule: i32, severity: i32, detail: i32) {
		this.rule = rule;
		this.severity = severity;
		this.detail = detail;
	}
}

export class Findings {
	private list: Array<Finding> = [];

	get isEmpty(): bool {
		return this.list.length == 0;
	}

	/** Adds a finding, unless the same one is there. */
	add(rule: i32, severity: i32, detail: i32): void {
		if (!this.has(rule, detail)) this.list.push(new Finding(rule, severity, detail));
	}

	private has(rule: i32, detail: i32): bool {
		for (let index = 0; index < this.list.length; index++) {
			if (this.list[index].rule == rule && this.list[index].detail == detail) return true;
		}
		return false;
	}

	/** Highest severity of all findings but secrets; 0 when there is none. */
	get worst(): i32 {
		return this.worstBeside(new Findings());
	}

	/** The same of those that are not among others. */
	worstBeside(others: Findings): i32 {
		let worst = 0;
		for (let index = 0; index < this.list.length; index++) {
			const finding = this.list[index];
			if (finding.rule != SECRET_LEAK && !others.has(finding.rule, finding.detail)) worst = max(worst, finding.severity);
		}
		return worst;
	}

	/** The finding for which the text is stopped: the first of the highest severity. Null when it is not stopped. */
	decisive(thresholds: Thresholds): Finding | null {
		const counts = new StaticArray<i32>(4);
		let worst: Finding | null = null;
		for (let index = 0; index < this.list.length; index++) {
			const finding = this.list[index];
			counts[finding.severity]++;
			if (worst === null || finding.severity > worst.severity) worst = finding;
		}
		const high = counts[HIGH];
		const medium = high + counts[MEDIUM];
		const low = medium + counts[LOW];
		const stopped = reaches(high, thresholds.high) || reaches(medium, thresholds.medium) || reaches(low, thresholds.low);
		return stopped ? worst : null;
	}

	/** For the annotations: rule and severity of each, never the text. */
	toJson(): Json {
		const list = Json.ofArray();
		for (let index = 0; index < this.list.length; index++) {
			const finding = this.list[index];
			list.push(
				Json.ofObject()
					.set("rule", Json.ofString(RULE_NAMES[finding.rule]))
					.set("severity", Json.ofString(SEVERITY_NAMES[finding.severity])),
			);
		}
		return list;
	}
}

function reaches(count: i32, threshold: i32): bool {
	return threshold > 0 && count >= threshold;
}

/** Reason code of a finding. */
export function reasonOf(finding: Finding): string {
	return REASONS[finding.rule];
}

/** Text for the user about a finding. */
export function messageOf(finding: Finding): string {
	return MESSAGES[finding.rule];
}
