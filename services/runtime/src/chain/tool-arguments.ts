// Checks a tool call's arguments against the tool's JSON Schema before the plugin sees them. The schema comes from the
// plugin's manifest, so it is interpreted and never turned into code, and it runs inside the invocation's time limit: a
// regular expression that does not end is killed like any other loop.
import { type Schema, Validator } from "@cfworker/json-schema";
import type { ToolDefinition } from "@hookbus/schemas";

export interface ArgumentFault {
	readonly path: string;
	readonly message: string;
}

export type ArgumentCheck = (value: unknown) => ArgumentFault[];

/** A check for each tool, by name. */
export function createArgumentChecks(tools: readonly ToolDefinition[]): ReadonlyMap<string, ArgumentCheck> {
	return new Map(
		tools.map((tool) => {
			const validator = new Validator(tool.parameters as Schema, "2020-12", false);
			const check: ArgumentCheck = (value) => {
				const outcome = validator.validate(value);
				if (outcome.valid) return [];
				return outcome.errors
					.slice(0, 10)
					.map((error) => ({ path: error.instanceLocation.replace(/^#/, ""), message: error.error }));
			};
			return [tool.name, check];
		}),
	);
}
