// Reads a recorded conversation: what the user, the model and the tools said, without anything that the bus adds.
import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const Call = {
	id: Type.String({ description: "The model's id of the call" }),
	name: Type.String(),
	arguments: Type.Record(Type.String(), Type.Unknown()),
};

const Step = Type.Union([
	Type.Object({ type: Type.Literal("user"), text: Type.String() }),
	Type.Object({
		type: Type.Literal("reply"),
		text: Type.String({ description: "{{EMAIL}} stands for the placeholder that the model saw instead of an address" }),
	}),
	Type.Object({ type: Type.Literal("toolCall"), ...Call }),
	Type.Object({ type: Type.Literal("toolResult"), ...Call, content: Type.Unknown() }),
]);
export type Step = Static<typeof Step>;

const Conversation = Type.Object({
	assistant: Type.String(),
	user: Type.Object({ id: Type.String(), roles: Type.Array(Type.String()) }),
	system: Type.String(),
	steps: Type.Array(Step, { minItems: 1 }),
});
export type Conversation = Static<typeof Conversation>;

/** @throws Error that names the file and what is wrong in it */
export function readConversation(file: string): Conversation {
	const value: unknown = JSON.parse(readFileSync(file, "utf8"));
	const fault = Value.Errors(Conversation, value).First();
	if (fault !== undefined) throw new Error(`${file} is no recorded conversation: ${fault.path} ${fault.message}`);
	return value as Conversation;
}
