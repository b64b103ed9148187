// What admins should know at once, said on the bus besides the REST API: a listener hears it when it happens, and whoever was not
// there finds the same in the API.
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { PluginName, SemVer, SubjectToken } from "./identifiers.js";

export const Notice = Type.Object(
	{
		spec: Type.Literal("1"),
		kind: Type.Literal("plugin_disabled", { description: "The control plane disabled a plugin that kept failing" }),
		tenant: SubjectToken,
		plugin: PluginName,
		version: SemVer,
		reason: Type.String({ maxLength: 300, description: "How its last invocation ended" }),
		time: Type.String({ description: "RFC 3339, UTC" }),
	},
	{ $id: "Notice", description: "What admins should know at once" },
);
export type Notice = Static<typeof Notice>;

const check = TypeCompiler.Compile(Notice);

/** True when the value is a notice. Does not throw. */
export function isNotice(value: unknown): value is Notice {
	return check.Check(value);
}
