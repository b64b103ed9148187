// Colours and tables, plain when the output is not a terminal: escape sequences in a file or a log help nobody.

export type Paint = (text: string) => string;

export interface Terminal {
	readonly coloured: boolean;
	/** Columns that a line may take. */
	readonly width: number;
	readonly bold: Paint;
	readonly dim: Paint;
	readonly red: Paint;
	readonly green: Paint;
	readonly yellow: Paint;
	readonly cyan: Paint;
	/** Text that was taken away. */
	readonly removed: Paint;
	/** Text that was put in. */
	readonly added: Paint;
}

const PLAIN_WIDTH = 100;

/** How to write on this stream. The variable NO_COLOR switches colours off. */
export function terminalFor(stream: NodeJS.WriteStream): Terminal {
	const coloured = stream.isTTY === true && process.env["NO_COLOR"] === undefined;
	const paint =
		(on: number, off: number): Paint =>
		(text) =>
			coloured && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
	return {
		coloured,
		width: Math.min(stream.columns ?? PLAIN_WIDTH, 120),
		bold: paint(1, 22),
		dim: paint(2, 22),
		red: paint(31, 39),
		green: paint(32, 39),
		yellow: paint(33, 39),
		cyan: paint(36, 39),
		removed: coloured ? paint(41, 49) : (text) => (text === "" ? "" : `[-${text}-]`),
		added: coloured ? paint(42, 49) : (text) => (text === "" ? "" : `{+${text}+}`),
	};
}

/** Columns that a text takes on a terminal; escape sequences take none. */
export function visibleLength(text: string): number {
	return [...stripEscapes(text)].length;
}

function stripEscapes(text: string): string {
	return text.replaceAll(/\x1b\[\d+m/g, "");
}

/** Fills a text with spaces up to a number of columns. */
export function pad(text: string, columns: number): string {
	return text + " ".repeat(Math.max(0, columns - visibleLength(text)));
}

/** Rows as lines, each column as wide as its longest cell. */
export function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
	const widths: number[] = [];
	for (const row of rows) {
		row.forEach((cell, column) => {
			widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell));
		});
	}
	return rows.map((row) => `${indent}${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join("  ")}`.trimEnd());
}

/**
 * Breaks a text into lines of a width, between words.
 *
 * @returns at least one line
 */
export function wrap(text: string, width: number): string[] {
	return text.split("\n").flatMap((paragraph) => {
		const lines: string[] = [];
		let line = "";
		for (const word of paragraph.split(" ")) {
			const longer = line === "" ? word : `${line} ${word}`;
			if (visibleLength(longer) > width && line !== "") {
				lines.push(line);
				line = word;
			} else {
				line = longer;
			}
		}
		return [...lines, line];
	});
}
