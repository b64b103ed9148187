// Which of several versions is the newest: the highest that is no prerelease, and the highest prerelease where there is nothing else.
import semver from "semver";

/** Newest first. */
export function byVersion<Item extends { readonly version: string }>(items: readonly Item[]): Item[] {
	return [...items].sort((a, b) => rank(b) - rank(a) || compare(b.version, a.version));
}

function rank({ version }: { readonly version: string }): number {
	return semver.prerelease(version) === null ? 1 : 0;
}

/** What the grammar of versions lets through and semver does not read, comes last. */
function compare(a: string, b: string): number {
	if (semver.valid(a) === null || semver.valid(b) === null)
		return Number(semver.valid(a) !== null) - Number(semver.valid(b) !== null);
	return semver.compare(a, b);
}

/** The newest of each name. */
export function newestOf<Item extends { readonly name: string; readonly version: string }>(items: readonly Item[]): Set<Item> {
	const newest = new Map<string, Item>();
	for (const item of byVersion(items)) if (!newest.has(item.name)) newest.set(item.name, item);
	return new Set(newest.values());
}
