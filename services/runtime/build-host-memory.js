// Compiles the modules that serve plugins beside their own code, host-memory/, to dist/host-memory/. Runs after `tsc -b`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";
import loadWabt from "wabt";

const sources = fileURLToPath(new URL("./host-memory/", import.meta.url));
const output = fileURLToPath(new URL("./dist/host-memory/", import.meta.url));
mkdirSync(output, { recursive: true });

const { error, stderr } = await main(["--config", "asconfig.json", "--baseDir", sources, "--outFile", "host-memory.wasm"], {
	writeFile: (_name, contents) => writeFileSync(`${output}host-memory.wasm`, contents),
});
if (error !== null) throw new Error(`host-memory/assembly does not compile:\n${stderr.toString().trim() || String(error)}`);

const wabt = await loadWabt();
for (const name of ["kept-memory", "memory-access", "plugin-memory", "wasi"]) {
	const text = readFileSync(`${sources}${name}.wat`, "utf8");
	const parsed = wabt.parseWat(`${name}.wat`, text, { simd: true, bulk_memory: true, multi_value: true });
	writeFileSync(`${output}${name}.wasm`, parsed.toBinary({}).buffer);
}
