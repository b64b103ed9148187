// What was found in one text, without overlaps: whoever comes first keeps its range. Finders ask `isTaken` before they look
// closer, so a placeholder of an earlier run is never taken apart.

export class Match {
	readonly kind: i32;
	readonly start: i32;
	/** First index after the match. */
	readonly end: i32;

	constructor(kind: i32, start: i32, end: i32) {
		this.kind = kind;
		this.start = start;
		this.end = end;
	}
}

export class Matches {
	private list: Array<Match> = [];
	/** One byte for each unit of the text, made when the first range is taken. */
	private taken: Uint8Array | null = null;
	private length: i32;

	/** @param length UTF-16 units of the text */
	constructor(length: i32) {
		this.length = length;
	}

	isTaken(index: i32): bool {
		const taken = this.taken;
		return taken !== null && index >= 0 && index < this.length && taken[index] != 0;
	}

	/** Keeps a range free of matches. */
	protect(start: i32, end: i32): void {
		let taken = this.taken;
		if (taken === null) {
			taken = new Uint8Array(this.length);
			this.taken = taken;
		}
		taken.fill(1, start, end);
	}

	/** Adds a match, unless it touches a range that is taken. */
	add(kind: i32, start: i32, end: i32): void {
		if (this.taken !== null) {
			for (let index = start; index < end; index++) if (this.isTaken(index)) return;
		}
		this.protect(start, end);
		this.list.push(new Match(kind, start, end));
	}

	/** All matches from left to right. */
	sorted(): Array<Match> {
		return this.list.sort((a, b) => a.start - b.start);
	}
}
