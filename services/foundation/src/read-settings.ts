// Settings come from the environment, once, at start. One TypeBox schema per service says name, unit, default and bounds;
// an unknown HOOKBUS_ variable is refused, because a setting with a typing error would silently not apply.
import { readFileSync } from "node:fs";
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { defineErrors, describeError } from "./define-errors.js";

const errors = defineErrors({
	setting_invalid: { title: "A setting is not valid", status: 500, retryable: false },
	setting_unknown: { title: "A setting does not exist", status: 500, retryable: false },
});

export interface ReadSettingsOptions {
	/** Variables of other services that share the environment; they are not reported as unknown. */
	readonly known?: readonly string[];
}

/**
 * Reads a service's settings. Each property of the schema is an environment variable with the same name; `NAME_FILE`
 * reads the value from a file instead, for secrets. Numbers and booleans are converted, defaults filled in.
 *
 * @throws CodedError `setting_invalid` (with every fault and its variable) or `setting_unknown`
 */
export function readSettings<Schema extends TObject>(
	schema: Schema,
	env: Readonly<Record<string, string | undefined>>,
	options: ReadSettingsOptions = {},
): Static<Schema> {
	const names = Object.keys(schema.properties);
	const known = new Set([...names, ...names.map((name) => `${name}_FILE`), ...(options.known ?? [])]);
	const unknown = Object.keys(env).filter((name) => name.startsWith("HOOKBUS_") && !known.has(name));
	if (unknown.length > 0) {
		throw errors.setting_unknown(
			`environment variable ${unknown.join(", ")} is no setting of this service; remove it, or correct it to one of ${names.join(", ")}`,
		);
	}
	const raw: Record<string, unknown> = {};
	for (const name of names) {
		const value = readVariable(name, env);
		if (value !== undefined && value !== "") raw[name] = value;
	}
	const converted = Value.Convert(schema, Value.Default(schema, raw));
	const faults = [...Value.Errors(schema, converted)].map((fault) => ({
		path: fault.path,
		message: `${fault.path.slice(1)}: ${fault.message}`,
	}));
	if (faults.length > 0) {
		throw errors.setting_invalid(faults.map((fault) => fault.message).join("; "), { errors: faults });
	}
	return Object.freeze(converted) as Static<Schema>;
}

function readVariable(name: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
	const file = env[`${name}_FILE`];
	if (file === undefined || file === "") return env[name];
	if (env[name] !== undefined && env[name] !== "") {
		throw errors.setting_invalid(`${name} and ${name}_FILE are both set; keep one of them`);
	}
	try {
		return readFileSync(file, "utf8").trim();
	} catch (thrown) {
		throw errors.setting_invalid(`${name}_FILE names ${file}, which cannot be read: ${describeError(thrown)}`, { cause: thrown });
	}
}

/** Log level setting that both services share. */
export const LogLevel = Type.Union(
	[
		Type.Literal("fatal"),
		Type.Literal("error"),
		Type.Literal("warn"),
		Type.Literal("info"),
		Type.Literal("debug"),
		Type.Literal("trace"),
		Type.Literal("silent"),
	],
	{ default: "info", description: "Log level" },
);
