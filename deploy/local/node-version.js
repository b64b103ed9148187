// Says which Node is needed before anything fails in a way that nobody understands. It is read by any Node that knows
// modules, so it uses nothing newer.

const OLDEST = { major: 20, minor: 19 };

/**
 * The sentence for a Node that is too old.
 *
 * @param {string} version such as `20.19.0`
 * @returns {string | undefined} undefined when the version will do
 */
export function nodeVersionFault(version) {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined;
	return `Hookbus needs Node ${OLDEST.major}.${OLDEST.minor} or newer; this is ${version}. Install a newer one from nodejs.org or with your version manager.`;
}

/** Ends the process with a clear line when this Node is too old. */
export function requireNode() {
	const fault = nodeVersionFault(process.versions.node);
	if (fault === undefined) return;
	console.error(fault);
	process.exit(1);
}
