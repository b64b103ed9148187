// Reads and writes the files that a command names. What goes wrong is said with the file's name; a file is written beside and
// renamed, so that nobody ever finds half of one.
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { CliFailure } from "./cli-failure.js";

/** @throws CliFailure `file_unreadable` */
export async function readBytes(path: string): Promise<Buffer> {
	try {
		return await readFile(path);
	} catch (thrown) {
		throw new CliFailure(`${path} cannot be read: ${reason(thrown)}`, {
			code: "file_unreadable",
			cause: thrown,
			detail: { path },
		});
	}
}

/**
 * undefined: there is no such file.
 *
 * @throws CliFailure `file_unreadable`
 */
export async function readBytesIfThere(path: string): Promise<Buffer | undefined> {
	try {
		return await readBytes(path);
	} catch (thrown) {
		const cause = thrown instanceof CliFailure ? thrown.cause : undefined;
		if ((cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return undefined;
		throw thrown;
	}
}

/** @throws CliFailure `file_unwritable` */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
	const draft = `${path}.${process.pid}.draft`;
	try {
		await writeFile(draft, content);
		await rename(draft, path);
	} catch (thrown) {
		await rm(draft, { force: true });
		throw new CliFailure(`${path} cannot be written: ${reason(thrown)}`, {
			code: "file_unwritable",
			cause: thrown,
			detail: { path },
		});
	}
}

/**
 * Writes a file that must not be there yet.
 *
 * @param mode Unix permissions
 * @throws CliFailure `file_exists`, `file_unwritable`
 */
export async function writeNew(path: string, content: string, mode: number): Promise<void> {
	try {
		await writeFile(path, content, { flag: "wx", mode });
	} catch (thrown) {
		if ((thrown as NodeJS.ErrnoException).code === "EEXIST") {
			throw new CliFailure(`${path} is there already and is not overwritten; name another file with --out`, {
				code: "file_exists",
				cause: thrown,
				detail: {
					path,
				},
			});
		}
		throw new CliFailure(`${path} cannot be written: ${reason(thrown)}`, {
			code: "file_unwritable",
			cause: thrown,
			detail: { path },
		});
	}
}

function reason(thrown: unknown): string {
	return thrown instanceof Error ? thrown.message : String(thrown);
}
