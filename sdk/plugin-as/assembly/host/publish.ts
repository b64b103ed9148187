// Events of the plugin's own, for whoever listens on the bus. Nobody answers, and nothing keeps them for a listener that is
// not there.

import { publish as callPublish } from "./host-imports";
import { storeText } from "./host-memory";

/**
 * Publishes a text on the subject `hookbus.v1.published.<tenant>.<plugin>.<topic>`. Permission `publish`. Without it, inside
 * `initialize`, and with the 17th of one call, the plugin's call ends as `denied`; with a topic or body that is none, as
 * `guest_error`; when the bus does not answer, as `host_error`.
 *
 * @param topic 1 to 4 words joined by dots; a word has 1 to 64 of A–Z a–z 0–9 _ -
 * @param body at most 64 KiB in UTF-8; at most 16 of them in one call of the plugin
 */
export function publish(topic: string, body: string): void {
	callPublish(storeText(topic), storeText(body));
}
