// Every id of the catalogue of reliability tests about hostile plugins has a test or an attack, or it is said who must do it instead;
// every one about uploads, access, secrets and the supply chain has a test.
import { expect, test } from "vitest";
import { CONTROL_PLANE_IDS, HOSTILE_PLUGIN_IDS, LEFT_TO_DEPLOYMENT, shownIds, untitledIds } from "./reliability-ids.js";

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

test("the ids UP-01 to 07, AU-01 to 12, SE-01 to 05 and SC-01 to 07 each stand in the title of a test", () => {
	expect(CONTROL_PLANE_IDS).toHaveLength(31);
	expect(untitledIds(CONTROL_PLANE_IDS)).toEqual([]);
	expect(untitledIds([`AU-${99}`])).toHaveLength(1);
});
