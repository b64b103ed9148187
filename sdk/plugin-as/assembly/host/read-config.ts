// The effective configuration as the host hands it over: one Extism configuration value named `config`, a JSON object with
// the defaults of the manifest, the values of the admin, and the secrets that the plugin may see.
import { config_get } from "@extism/as-pdk/lib/env";
import { Json } from "../json/json";
import { Config } from "./config";
import { readBlock, storeText } from "./host-memory";

/** The configuration of this plugin; empty when the host has none. A value that is not a JSON object traps. */
export function readConfig(): Config {
	const block = config_get(storeText("config"));
	if (block == 0) return new Config(Json.ofObject());
	return configOf(readBlock(block));
}

/** The same from the bytes of a JSON object. */
export function configOf(bytes: ArrayBuffer): Config {
	if (bytes.byteLength == 0) return new Config(Json.ofObject());
	const parsed = Json.read(bytes);
	const value = parsed.value;
	if (value === null) throw new Error(`config: ${parsed.fault}`);
	if (!value.isObject) throw new Error("config: must be a JSON object");
	return new Config(value);
}
