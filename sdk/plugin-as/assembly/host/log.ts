// Log lines of a plugin. The host adds plugin, version and event, and limits them (64 lines, 16 KiB, 1,024 characters for a
// line in one call). Never log text of messages or secrets: logs are kept longer and read by more people.
import { log_debug, log_error, log_info, log_warn } from "@extism/as-pdk/lib/env";
import { storeText } from "./host-memory";

/** For the plugin's author. */
export function logDebug(text: string): void {
	log_debug(storeText(text));
}

/** For the operator: worth knowing. */
export function logInfo(text: string): void {
	log_info(storeText(text));
}

/** For the operator: something should be looked at. */
export function logWarn(text: string): void {
	log_warn(storeText(text));
}

/** For the operator: something failed. */
export function logError(text: string): void {
	log_error(storeText(text));
}
