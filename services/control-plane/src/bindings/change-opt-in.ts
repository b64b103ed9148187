// Puts users into a binding's opt-in list and takes them out. Each is a change like any other, so that the next event after the
// acknowledgement already knows it.
import { ALL_ASSISTANTS, type OptInList } from "@hookbus/schemas";
import type { Actor } from "../audit/actor.js";
import type { Database, Queries } from "../database/database.js";
import { errors } from "../errors.js";
import { requirePlugin } from "../plugins/require-plugin.js";
import { type Committed, commitChange } from "../routing/commit-change.js";
import type { BindingPlace } from "./change-binding.js";
import { addOptIn, countOptIns, deleteOptIn, listOptIns } from "./opt-in-repository.js";
import { type BindingRow, findBinding } from "./repository.js";

/** Most users of one binding: the list travels with the route table, which has to fit into one message. */
export const MAX_OPT_INS = 1_000;

/**
 * A user who is in the list already, or is not in it, changes nothing.
 *
 * @throws CodedError `plugin_not_found`, `binding_not_found`, `opt_in_not_asked`, `opt_in_full`
 */
export function changeOptIn(
	database: Database,
	actor: Actor,
	place: BindingPlace,
	user: string,
	to: "in" | "out",
): Promise<Committed<undefined>> {
	return commitChange(database, actor, async (queries) => {
		const binding = await requireBinding(queries, actor.tenant, place);
		if (to === "in") await requireRoom(queries, binding, place);
		const changed =
			to === "in" ? await addOptIn(queries, binding.id, user, actor.name) : await deleteOptIn(queries, binding.id, user);
		const detail = { assistant: place.assistant ?? ALL_ASSISTANTS, user };
		return { result: undefined, audit: changed ? { action: `binding.opt_${to}`, target: place.plugin, detail } : undefined };
	});
}

/** @throws CodedError `plugin_not_found`, `binding_not_found` */
export function readOptIns(database: Database, tenant: string, place: BindingPlace): Promise<OptInList> {
	return database.of(tenant).query(async (queries) => {
		const rows = await listOptIns(queries, (await requireBinding(queries, tenant, place)).id);
		return { items: rows.map(({ user, by, at }) => ({ user, by, at: at.toISOString() })) };
	});
}

async function requireBinding(queries: Queries, tenant: string, { plugin, assistant }: BindingPlace): Promise<BindingRow> {
	await requirePlugin(queries, tenant, plugin);
	const binding = await findBinding(queries, tenant, plugin, assistant);
	if (binding !== undefined) return binding;
	const id = assistant ?? ALL_ASSISTANTS;
	throw errors.binding_not_found(
		`plugin ${plugin} has no binding of its own at ${id}; make one with POST /api/v1/assistants/${id}/plugins and optIn: true`,
	);
}

async function requireRoom(queries: Queries, { id, optIn }: BindingRow, { plugin, assistant }: BindingPlace): Promise<void> {
	const path = `/api/v1/assistants/${assistant ?? ALL_ASSISTANTS}/plugins/${plugin}`;
	if (optIn !== true) {
		throw errors.opt_in_not_asked(`this binding of ${plugin} does not ask users to opt in; set optIn: true with PUT ${path}`);
	}
	if ((await countOptIns(queries, id)) < MAX_OPT_INS) return;
	throw errors.opt_in_full(
		`${MAX_OPT_INS} users opted in to this binding of ${plugin}, which is the most; let a percentage decide instead, with PUT ${path}`,
	);
}
