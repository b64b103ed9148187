// The configuration of this plugin, checked once and in a shape that the rest can use.
import { asciiLowerText, Config } from "@hookbus/plugin-as";
import { CUSTOM_PHRASE, RULE_NAMES } from "./rules/rule-names";
import { readThresholds, Thresholds } from "./thresholds";

const ROLES: StaticArray<string> = ["system", "user", "assistant", "tool"];
const DEFAULT_ROLES: StaticArray<string> = ["user", "tool"];
const SCOPES: StaticArray<string> = ["new", "all"];

export class Settings {
	/** For each rule whether it is applied. */
	readonly rules: StaticArray<bool>;
	readonly thresholds: Thresholds;
	/** Phrases of the admin, in addition to the built-in rules. */
	readonly phrases: Array<string>;
	/** Phrases that are taken out of a text before it is looked at, ASCII letters in lower case. */
	readonly allow: Array<string>;
	/** Look at the whole conversation; else only at what came since the assistant's last message. */
	readonly wholeConversation: bool;
	readonly roles: Array<string>;
	/** How often an encoded text is decoded again. */
	readonly decodeDepth: i32;
	/** Text for the user; empty for the built-in ones. */
	readonly message: string;

	/** Reads the values; what is wrong with them is in `config.fault` afterwards. */
	constructor(config: Config) {
		const names = config.someOf("rules", RULE_NAMES);
		const rules = new StaticArray<bool>(RULE_NAMES.length);
		for (let rule = 0; rule < rules.length; rule++) rules[rule] = names.includes(RULE_NAMES[rule]);
		rules[CUSTOM_PHRASE] = true;
		this.rules = rules;
		this.thresholds = readThresholds(config);
		this.phrases = config.strings("phrases", 200, 200);
		const allow = config.strings("allow", 200, 1000);
		for (let index = 0; index < allow.length; index++) allow[index] = asciiLowerText(allow[index]);
		this.allow = allow;
		this.wholeConversation = config.oneOf("scope", SCOPES, "new") == "all";
		const roles = config.someOf("roles", ROLES);
		this.roles = config.json.get("roles") !== null ? roles : DEFAULT_ROLES.slice<Array<string>>();
		this.decodeDepth = <i32>config.integer("decodeDepth", 2, 0, 4);
		this.message = config.string("message", "", 2000);
	}
}
