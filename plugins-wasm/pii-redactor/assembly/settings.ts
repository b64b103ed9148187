// The configuration of this plugin, checked once and in a shape that the rest can use.
import { Config } from "@hookbus/plugin-as";
import { AllowList } from "./allow-list";
import { KIND_NAMES } from "./kind";

const STYLES: StaticArray<string> = ["placeholder", "mask"];
const ROLES: StaticArray<string> = ["system", "user", "assistant", "tool"];
const DEFAULT_ROLES: StaticArray<string> = ["user", "assistant", "tool"];

export class Settings {
	/** For each kind whether it is looked for. */
	readonly kinds: StaticArray<bool>;
	/** Style `mask`; else `placeholder`. */
	readonly mask: bool;
	/** Put the originals back into the response. */
	readonly restore: bool;
	readonly allow: AllowList;
	/** Roles whose messages are looked through. */
	readonly roles: Array<string>;
	readonly pseudonymKey: string;

	/** Reads the values; what is wrong with them is in `config.fault` afterwards. */
	constructor(config: Config) {
		const names = config.someOf("kinds", KIND_NAMES);
		const kinds = new StaticArray<bool>(KIND_NAMES.length);
		for (let kind = 0; kind < kinds.length; kind++) kinds[kind] = names.includes(KIND_NAMES[kind]);
		this.kinds = kinds;
		this.mask = config.oneOf("style", STYLES, "placeholder") == "mask";
		this.restore = config.bool("restore", true);
		this.allow = new AllowList(config.strings("allow", 1000, 320));
		const roles = config.someOf("roles", ROLES);
		this.roles = config.json.get("roles") !== null ? roles : DEFAULT_ROLES.slice<Array<string>>();
		this.pseudonymKey = config.string("pseudonymKey", "", 1000);
	}
}
