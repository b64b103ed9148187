// The subjects on which a prepared table wants events: those of the reply hooks that have a chain with steps. Made with the table, in
// slices of time, because a tenant can have thousands.
import { TimeSlices } from "@hookbus/foundation";
import { eventSubject, eventSubjectForAllAssistants, HOOKS } from "@hookbus/schemas";
import type { PreparedChains } from "./build-chains.js";

export async function replySubjects(tenant: string, chains: PreparedChains): Promise<string[]> {
	const slices = new TimeSlices();
	const subjects: string[] = [];
	for (const [hook, { all, assistants }] of chains) {
		if (HOOKS[hook].delivery !== "reply") continue;
		if (all !== undefined && all.steps.length > 0) {
			subjects.push(eventSubjectForAllAssistants(tenant, hook));
			continue;
		}
		for (const [assistant, chain] of assistants) {
			if (chain.steps.length > 0) subjects.push(eventSubject({ tenant, hook, assistant }));
			if (slices.isOver()) await slices.pause();
		}
	}
	return subjects;
}
