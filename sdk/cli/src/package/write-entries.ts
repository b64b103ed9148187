// Writes entries as a .zip: the same entries give the same names, order, times and modes, so that signing twice changes nothing.
import { ZipFile } from "yazl";
import type { PackageEntry } from "./read-entries.js";

/** Rejects when the archive cannot be written. */
export function writeEntries(entries: readonly PackageEntry[]): Promise<Buffer> {
	const zip = new ZipFile();
	// The first time that a zip can hold, in local time, because that is what the format has.
	const mtime = new Date(1980, 0, 1);
	for (const { path, content, compressed } of entries) {
		if (path.endsWith("/")) zip.addEmptyDirectory(path, { mtime, mode: 0o040755, forceDosTimestamp: true });
		else zip.addBuffer(content, path, { mtime, mode: 0o100644, compress: compressed, forceDosTimestamp: true });
	}
	zip.end();
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		zip.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
		zip.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
		zip.outputStream.on("error", reject);
	});
}
