// Checks what comes in against the TypeBox schemas of the routes. Nothing is converted in a body and nothing is dropped: an
// unknown property is refused, because ignoring a misspelt one would look like success.
import { Kind, type TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import type { FastifySchemaCompiler } from "fastify";
import { findUnstorable, storableJson } from "../checks/unstorable-text.js";
import { errors } from "../errors.js";

/** Deepest nesting of a JSON body. */
const MAX_DEPTH = 40;
const MAX_FAULTS = 20;

/** For `setValidatorCompiler`. Query and path are text, so there numbers and booleans are converted; bodies are not. */
export const compileInput: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
	// Only documents what a route reads as a stream.
	if (schema[Kind] === "Unsafe") return () => true;
	const check = TypeCompiler.Compile(schema);
	const isBody = httpPart === "body";
	return (input: unknown) => {
		if (isBody) {
			const fault = bodyFault(input);
			if (fault !== undefined) return { error: fault };
		}
		// What is searched for is compared with what was stored, and so it is made storable in the same way.
		const taken = httpPart === "querystring" ? storableJson(input) : input;
		const filled = Value.Default(schema, Value.Clone(taken));
		const value = isBody ? filled : Value.Convert(schema, filled);
		if (check.Check(value)) return { value };
		const faults = [...check.Errors(value)].slice(0, MAX_FAULTS).map(({ path, message }) => ({
			path: isBody ? path : `/${httpPart}${path}`,
			message,
		}));
		const [first] = faults;
		return { error: errors.request_invalid(`${first?.path || "the body"}: ${first?.message}`, { errors: faults }) };
	};
};

function bodyFault(body: unknown) {
	if (isDeeperThan(body, MAX_DEPTH)) return errors.request_invalid(`the body is nested more than ${MAX_DEPTH} deep`);
	const path = findUnstorable(body);
	if (path === undefined) return undefined;
	const message = "holds U+0000 or half of a surrogate pair, which cannot be stored";
	return errors.request_invalid(`${path || "the body"}: ${message}`, { errors: [{ path, message }] });
}

function isDeeperThan(value: unknown, levels: number): boolean {
	if (typeof value !== "object" || value === null) return false;
	return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
