import type { HostFunctions } from "./host-function.js";

export async function openHostFunctions(_parts: unknown): Promise<HostFunctions> {
	return {} as HostFunctions;
}
