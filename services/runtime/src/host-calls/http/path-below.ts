// Whether a path lies below the path of a network rule. Servers differ in what they decode before they look at a path, so a path
// is refused as soon as one of them could read it as leading out.

/** How often a path may be encoded; each time that is more than one is a server's mistake that somebody tries out. */
const DECODINGS = 4;

/**
 * @param prefix path of a rule; `/` allows every path
 * @param pathname as {@link URL} normalises it
 */
export function isBelow(prefix: string, pathname: string): boolean {
	if (prefix === "/") return true;
	const boundary = prefix.endsWith("/") ? prefix : `${prefix}/`;
	return (pathname === prefix || pathname.startsWith(boundary)) && !mayClimb(pathname);
}

function mayClimb(pathname: string): boolean {
	try {
		// Refuses what is no UTF-8: %c0%ae is a dot to some servers.
		decodeURIComponent(pathname);
	} catch {
		return true;
	}
	let path = pathname;
	for (let times = 0; times <= DECODINGS; times += 1) {
		if (hasDotSegment(path)) return true;
		const decoded = decodeAscii(path);
		if (decoded === path) return false;
		path = decoded;
	}
	return true;
}

/** `.` or `..` between slashes of either kind; some servers cut a segment at its semicolon before they look. */
function hasDotSegment(path: string): boolean {
	return path.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment));
}

function decodeAscii(path: string): string {
	return path.replace(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
