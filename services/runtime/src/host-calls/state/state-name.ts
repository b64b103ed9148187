// Keys of state and keys used once stand in the same stream. Their first character tells them apart, so that no key of a plugin
// can be both. It counts as one byte of the name.

/** Name under which the value of a key is kept. */
export function stateName(key: string): string {
	return `s${key}`;
}

/** Name under which the use of a key is noted. */
export function onceName(key: string): string {
	return `o${key}`;
}
