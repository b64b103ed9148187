// Every id of the catalogue of reliability tests about hostile plugins has a test or an attack, or it is said who must do it instead.
import { expect, test } from "vitest";
import { HOSTILE_PLUGIN_IDS, LEFT_TO_DEPLOYMENT, shownIds } from "./reliability-ids.js";

test("the ids HP-01 to HP-41 are shown by an attack or by a test, or left to the deployment with a reason", () => {
	const missing = [...shownIds()].filter(([id, { attacks, tests }]) => {
		return attacks.length === 0 && tests.length === 0 && !Object.hasOwn(LEFT_TO_DEPLOYMENT, id);
	});
	expect(missing.map(([id]) => id)).toEqual([]);
});

test("what is left to the deployment is said in sentences, about ids that there are", () => {
	expect(HOSTILE_PLUGIN_IDS).toHaveLength(41);
	for (const [id, reason] of Object.entries(LEFT_TO_DEPLOYMENT)) {
		expect(HOSTILE_PLUGIN_IDS).toContain(id);
		expect(reason).toMatch(/^[A-Z].{40,}\.$/);
	}
});
