// HTTP requests of plugins without plugins: straight to the host function that answers them. Loopback addresses 127.0.1.x stand for
// the public internet; everything else on this machine is what must not be reached.
import {
	createHttpFunction,
	HostCallError,
	type HttpOptions,
	type HttpRequest,
	type HttpResponse,
	type PluginRights,
} from "@hookbus/runtime";
import { DEFAULT_LIMITS, type NetworkRule } from "@hookbus/schemas";

/** Range that tests take for public. */
export const TEST_RANGE = "127.0.1.0/24";

export function rightsTo(network: readonly NetworkRule[], secrets: Readonly<Record<string, string>> = {}): PluginRights {
	return { tenant: "acme", plugin: "caller", permissions: new Set(["network_access"]), network, secrets, limits: DEFAULT_LIMITS };
}

export type Send = (
	request: Partial<HttpRequest> & Pick<HttpRequest, "url">,
	rights: PluginRights,
	deadline?: number | AbortSignal,
) => Promise<HttpResponse>;

/**
 * Sends as a plugin would, with GET and no headers unless said otherwise.
 *
 * @returns a function whose `deadline` is in milliseconds; default 20,000
 */
export function pluginRequests(options: Partial<HttpOptions> = {}): Send {
	const http = createHttpFunction({ allowedRanges: [TEST_RANGE], hosts: ["*"], dnsServers: [], ...options });
	return async (request, rights, deadline = 20_000) => {
		const prepared = http.prepare({ type: "http_request", method: "GET", headers: {}, body: undefined, ...request }, rights);
		return await http.run(prepared, rights, { signal: typeof deadline === "number" ? AbortSignal.timeout(deadline) : deadline });
	};
}

/** What a call was refused with. @throws Error when it was not */
export async function refusalOf(call: Promise<HttpResponse>): Promise<Pick<HostCallError, "outcome" | "message">> {
	const ended = await call.catch((thrown: unknown) => thrown);
	if (ended instanceof HostCallError) return { outcome: ended.outcome, message: ended.message };
	throw new Error("the call was not refused", { cause: ended });
}

export function bodyOf({ body }: HttpResponse): string {
	return Buffer.from(body).toString();
}
