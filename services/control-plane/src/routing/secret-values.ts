// Which values a plugin's secrets have, without saying anything about them. A secret that was sealed anew is the same value: what runs
// with it goes on, because a configuration's revision is made of these.
import { valueIdOf } from "@hookbus/foundation";
import type { SealedSecret } from "@hookbus/schemas";

/** Names of the values by the secrets' fields. Does not throw. */
export function secretValues(secrets: Readonly<Record<string, SealedSecret>>): Record<string, string> {
	return Object.fromEntries(Object.entries(secrets).map(([field, sealed]) => [field, valueIdOf(sealed)]));
}
