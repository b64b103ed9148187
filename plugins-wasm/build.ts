// `npx tsx plugins-wasm/build.ts [name…]`: builds the plugins of these names, or all. What is up to date is left alone. Ends
// with code 1 when one of them cannot be built; the others are built all the same.
import { BuildError, type BuiltPlugin, buildPlugin, pluginNames } from "./build-plugin.js";

const names = process.argv.length > 2 ? process.argv.slice(2) : pluginNames();
const built: BuiltPlugin[] = [];
for (const name of names) {
	try {
		built.push(await buildPlugin(name));
	} catch (thrown) {
		if (!(thrown instanceof BuildError)) throw thrown;
		process.stderr.write(`${thrown.message}\n\n`);
		process.exitCode = 1;
	}
}
process.stdout.write(table(built));

function table(plugins: readonly BuiltPlugin[]): string {
	const rows = [
		["plugin", "version", "bytes", "", "imports"],
		...plugins.map(({ name, version, wasmBytes, rebuilt, imports }) => [
			name,
			version,
			String(wasmBytes),
			rebuilt ? "built" : "up to date",
			imports.join(" "),
		]),
	];
	const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	return rows
		.map(
			(row) =>
				`${row
					.map((cell, column) => cell.padEnd(widths[column] ?? 0))
					.join("  ")
					.trimEnd()}\n`,
		)
		.join("");
}
