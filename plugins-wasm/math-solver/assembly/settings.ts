// The configuration of this plugin, checked.
import { Config } from "@hookbus/plugin-as";
import { DEFAULT_PRECISION, MAX_PRECISION } from "./limits";

export class Settings {
	/** Digits after the point when the call does not say. */
	readonly precision: i32;

	/** Reads the values; what is wrong with them is in `config.fault` afterwards. */
	constructor(config: Config) {
		this.precision = <i32>config.integer("precision", DEFAULT_PRECISION, 0, MAX_PRECISION);
	}
}
