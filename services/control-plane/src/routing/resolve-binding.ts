// Which binding puts a plugin at a scope, and with which settings: the tenant's, the assistant's own over it, or none.
import type { RoutingBinding } from "./routing-input.js";

export interface ResolvedBinding {
	readonly enabled: boolean;
	/** The binding's own number; null: the manifest's counts. */
	readonly order: number | null;
	readonly mode: NonNullable<RoutingBinding["mode"]>;
	readonly onError: RoutingBinding["onError"];
	readonly timeoutMs: number | null;
	/** Laid over the plugin's global configuration; null: nothing. */
	readonly config: RoutingBinding["config"];
	/** Share of conversations, 0 to 100. */
	readonly percentage: number;
	/** The binding in whose list users have to be; undefined: nobody has to. */
	readonly optIn: Pick<RoutingBinding, "plugin" | "assistant" | "users"> | undefined;
	/** Whose binding decides that the plugin runs here. */
	readonly scope: "tenant" | "assistant";
	/** Executions hold the patch. */
	readonly recordPatches: boolean;
	readonly mandatory: boolean;
	/** The assistant has a binding of its own that a mandatory one overrules. */
	readonly overruled: boolean;
}

/**
 * The settings for one plugin in one scope; `undefined` when no binding puts it there. An assistant's binding overrides what
 * it sets and inherits the rest from the tenant's. A mandatory binding of the tenant stands as it is: nothing of the
 * assistant's counts, because a weaker mode or another configuration would switch it off as well as `enabled: false`.
 */
export function resolveBinding(
	tenant: RoutingBinding | undefined,
	assistant: RoutingBinding | undefined,
): ResolvedBinding | undefined {
	const leading = tenant?.mandatory === true ? tenant : (assistant ?? tenant);
	if (leading === undefined) return undefined;
	const inherited = leading === tenant ? undefined : tenant;
	const optIn = leading.optIn === null ? inherited : leading;
	return {
		enabled: leading.enabled,
		order: leading.order ?? inherited?.order ?? null,
		mode: leading.mode ?? inherited?.mode ?? "enforce",
		onError: leading.onError ?? inherited?.onError ?? null,
		timeoutMs: leading.timeoutMs ?? inherited?.timeoutMs ?? null,
		config: leading.config ?? inherited?.config ?? null,
		percentage: leading.percentage ?? inherited?.percentage ?? 100,
		optIn: optIn?.optIn === true ? optIn : undefined,
		scope: leading.assistant === null ? "tenant" : "assistant",
		recordPatches: leading.recordPatches ?? inherited?.recordPatches ?? false,
		mandatory: leading.mandatory,
		overruled: leading === tenant && assistant !== undefined,
	};
}
