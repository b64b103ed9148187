// Which attacks and which other tests show what the catalogue of reliability tests asks for (HP-01 to HP-41, and what it asks of
// uploads, access, secrets and the supply chain), and what of it no test in here can show, because it is up to whoever runs the
// services. Without this an id could lose its last test unseen.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ATTACKS, testIdsOf } from "./catalogue.js";

const TESTS = resolve(import.meta.dirname, "..");

export const HOSTILE_PLUGIN_IDS: readonly string[] = idsOf("HP", 41);

/** Uploads, authentication and tenancy, secrets, supply chain: each must stand in the title of a test. */
export const CONTROL_PLANE_IDS: readonly string[] = [...idsOf("UP", 7), ...idsOf("AU", 12), ...idsOf("SE", 5), ...idsOf("SC", 7)];

function idsOf(kind: string, count: number): string[] {
	return Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(2, "0")}`);
}

/** What a deployment must add, by the id that asks for it. */
export const LEFT_TO_DEPLOYMENT: Readonly<Record<string, string>> = {
	"HP-01":
		"A CPU quota for the runtime's container: a plugin may use one processor for its whole time limit, for every event that it is bound to.",
	"HP-07":
		"A memory limit for the runtime's container with room for its threads times the largest memory of a plugin: the limits in here are for each plugin.",
	"HP-24":
		"A network policy that lets runtimes reach NATS, DNS and public addresses only: a second wall behind the check of addresses, also for addresses that only the deployment knows to be its own.",
	"HP-32":
		"A memory limit for the containers of runtime and control plane: V8 compiles in a thread with a time limit, but the memory that it compiles in belongs to the process.",
	"HP-36":
		"Runtimes of their own for tenants that do not trust each other: in one process, caches and branch predictors are shared, and a clock of a millisecond only makes them slow to read.",
	"HP-40":
		"A user without rights, a read-only root and no more secrets in the environment than the settings ask for: what a break-out of the engine itself would find is what the process may see.",
	"HP-41":
		"A gate on responses, such as prompt-guard: what text a plugin writes that was granted the messages is recorded, not judged.",
};

export interface Shown {
	/** Attacks by their names. */
	readonly attacks: readonly string[];
	/** Titles of tests. */
	readonly tests: readonly string[];
}

/** By the id of the reliability test. */
export function shownIds(): ReadonlyMap<string, Shown> {
	const titles = testTitles();
	return new Map(
		HOSTILE_PLUGIN_IDS.map((id) => {
			const attacks = ATTACKS.filter((attack) => testIdsOf(attack).includes(id)).map((attack) => attack.id);
			return [id, { attacks, tests: titles.filter((title) => idsIn(title).includes(id)) }];
		}),
	);
}

/** Those that stand in no title of a test. */
export function untitledIds(ids: readonly string[]): string[] {
	const titled = new Set(testTitles().flatMap(idsIn));
	return ids.filter((id) => !titled.has(id));
}

/** Texts in the files of tests that begin with an id; nothing but titles does. */
function testTitles(): string[] {
	const files = readdirSync(TESTS, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
	return files.flatMap((name) => [...readFileSync(resolve(TESTS, name), "utf8").matchAll(TITLE)].map((match) => match[1] ?? ""));
}

const TITLE = /["'`]((?:HP|UP|AU|SE|SC)-\d\d[^"`\n]*)/g;

/** `HP-02, HP-03 and so on`: the ids at the beginning. */
function idsIn(title: string): string[] {
	const [beginning = ""] = /^([A-Z]{2}-\d\d[, ]*)+/.exec(title) ?? [];
	return beginning.match(/[A-Z]{2}-\d\d/g) ?? [];
}
