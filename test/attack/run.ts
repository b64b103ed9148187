// Runs the attacks and prints what became of each: a table for people, one JSON object with --json. Names of attacks as
// arguments run only those. Ends with code 1 when one was not contained or a good event was lost. With --ids it runs nothing
// and lists the ids of the reliability tests with what shows them.
import { parseArgs } from "node:util";
import { createProgress } from "../../deploy/local/progress.js";
import { table } from "../../deploy/local/show/terminal.js";
import { closeFile } from "../support/close-after.js";
import { ATTACKS } from "./catalogue.js";
import { LEFT_TO_DEPLOYMENT, shownIds } from "./reliability-ids.js";
import { type AttackResult, AttackStage } from "./stage.js";

const { values, positionals } = parseArgs({
	options: { json: { type: "boolean", default: false }, ids: { type: "boolean", default: false } },
	allowPositionals: true,
});
if (values.ids) {
	for (const [id, { attacks, tests }] of shownIds()) {
		const left = LEFT_TO_DEPLOYMENT[id];
		const lines = [...attacks.map((name) => `attack ${name}`), ...tests, ...(left === undefined ? [] : [`deployment: ${left}`])];
		process.stdout.write(`${id}\n${lines.map((line) => `  ${line}\n`).join("")}`);
	}
	process.exit(0);
}
const unknown = positionals.filter((name) => !ATTACKS.some(({ id }) => id === name));
if (unknown.length > 0) {
	process.stderr.write(`no attack is called ${unknown.join(", ")}; test/attack/attacks has them all\n`);
	process.exit(2);
}
const chosen = ATTACKS.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const progress = createProgress(process.stderr);

const stage = await progress.step("a bus, a runtime, good plugins", () => AttackStage.start(chosen, 300));
const results: AttackResult[] = [];
for (const attack of chosen) {
	const result = await progress.step(attack.id, () => stage.run(attack));
	results.push(result);
	for (const fault of result.faults) process.stderr.write(`  NOT CONTAINED: ${fault}\n`);
}
const totals = await stage.finish();
await closeFile();

if (values.json) {
	process.stdout.write(`${JSON.stringify(totals)}\n`);
} else {
	const rows = results.map(({ attack, faults, slowestMs }) => [
		faults.length === 0 ? "contained" : "NOT CONTAINED",
		attack.id,
		attack.outcome,
		`${slowestMs.toFixed(1)} ms`,
		attack.tries,
	]);
	process.stdout.write(`${table(rows).join("\n")}\n\n`);
	for (const [name, value] of Object.entries(totals)) process.stdout.write(`${name.padEnd(14)} ${value}\n`);
}
process.exit(totals.contained === totals.total && totals.goodLost === 0 ? 0 : 1);
