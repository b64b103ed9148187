// Addresses in package-lock.json that name no registry. With an address npm fetches one archive for each package; without
// it npm first reads the list of all versions of the package, which for some is tens of megabytes. npm puts the registry
// that it is configured for in place of the host (replace-registry-host=always in .npmrc), so the file fits every mirror.

/** Reserved, never resolved (RFC 2606 §2): an npm that does not replace it fails at once. */
export const NEUTRAL_REGISTRY = "https://registry.invalid";

export interface LockFile {
	readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage {
	/** Name of the package when it is not the name of the folder (an alias). */
	readonly name?: string;
	readonly version?: string;
	readonly resolved?: string;
	readonly integrity?: string;
	/** A workspace: its files are here. */
	readonly link?: boolean;
}

/** The lock file with the neutral address at each package that comes from a registry. What was there as an address is replaced. */
export function withNeutralAddresses(lock: LockFile): LockFile {
	const packages = Object.entries(lock.packages).map(([path, locked]) => [path, withAddress(path, locked)] as const);
	return { ...lock, packages: Object.fromEntries(packages) };
}

function withAddress(path: string, locked: LockedPackage): LockedPackage {
	const { version, integrity, link } = locked;
	if (link === true || version === undefined || integrity === undefined) return locked;
	const name = locked.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
	const file = name.slice(name.indexOf("/") + 1);
	const { version: _version, resolved: _resolved, ...rest } = locked;
	// The order in which npm writes them.
	return { version, resolved: `${NEUTRAL_REGISTRY}/${name}/-/${file}-${version}.tgz`, ...rest };
}
