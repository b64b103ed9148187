// How much it takes to stop a text.
import { Config } from "@hookbus/plugin-as";

/** How many findings of a severity or a higher one stop a text; 0: never. */
export class Thresholds {
	readonly high: i32;
	readonly medium: i32;
	readonly low: i32;

	constructor(high: i32, medium: i32, low: i32) {
		this.high = high;
		this.medium = medium;
		this.low = low;
	}
}

/** Reads the value `thresholds`; what is wrong with it is in `config.fault` afterwards. */
export function readThresholds(config: Config): Thresholds {
	const given = config.json.get("thresholds");
	if (given === null || given.isNull) return new Thresholds(1, 2, 4);
	if (!given.isObject) {
		config.refuse("thresholds", "must be an object with high, medium and low");
		return new Thresholds(1, 2, 4);
	}
	const inner = new Config(given);
	const high = <i32>inner.integer("high", 1, 0, 100);
	const medium = <i32>inner.integer("medium", 2, 0, 100);
	const low = <i32>inner.integer("low", 4, 0, 100);
	if (inner.fault.length > 0) config.refuse("thresholds", `has faults: ${inner.fault}`);
	return new Thresholds(high, medium, low);
}
