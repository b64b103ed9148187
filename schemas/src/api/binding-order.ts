// The order of a scope's own bindings over REST, as a list: who drags plugins about on a page has the whole order, not numbers.
import { type Static, Type } from "@sinclair/typebox";
import { PluginName } from "../identifiers.js";
import { Binding } from "./binding.js";
import { changeProperties } from "./change.js";

/** Numbers of a list are so far apart that a plugin can be put between two of them. */
export const ORDER_STEP = 10;

export const BindingOrderBody = Type.Object(
	{
		plugins: Type.Array(PluginName, {
			minItems: 1,
			maxItems: 1_000,
			uniqueItems: true,
			description: `All plugins that are bound to exactly this scope, first the one that runs first: their orders become ${ORDER_STEP}, ${2 * ORDER_STEP} and so on`,
		}),
	},
	{ additionalProperties: false, $id: "BindingOrderBody" },
);
export type BindingOrderBody = Static<typeof BindingOrderBody>;

export const BindingOrderChange = Type.Object(
	{ items: Type.Array(Binding, { description: "In their new order" }), ...changeProperties },
	{ additionalProperties: false, $id: "BindingOrderChange" },
);
export type BindingOrderChange = Static<typeof BindingOrderChange>;
