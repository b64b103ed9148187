// `npm run lock`: after a change of dependencies, brings package-lock.json up to date and gives its packages their addresses.
import { readFileSync, writeFileSync } from "node:fs";
import { runCommand } from "./foreign-process.js";
import { type LockFile, withNeutralAddresses } from "./lock-addresses.js";
import { npm } from "./npm-packages.js";
import { inRepository, REPOSITORY } from "./repository.js";

const { command, args } = npm();
const { code, signal, output } = await runCommand(command, [...args, "install", "--package-lock-only"], { cwd: REPOSITORY });
if (code !== 0) throw new Error(`npm install --package-lock-only ended with ${code ?? signal}:\n${output}`);
const file = inRepository("package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8")) as LockFile;
writeFileSync(file, `${JSON.stringify(withNeutralAddresses(lock), undefined, 2)}\n`);
console.log(`package-lock.json: ${Object.keys(lock.packages).length} packages`);
