// What most tests of the control plane begin with: a NATS server, a control plane that is ready on it, and a connection of the test's
// own to look at the bus.
import type { NatsConnection } from "nats";
import type { ApiClient } from "./api-client.js";
import { connectTo } from "./connect.js";
import { type ControlPlaneOptions, type StartedControlPlane, startTestControlPlane } from "./start-control-plane.js";
import { startNats } from "./start-nats.js";

export interface StartedOnBus {
	readonly natsUrl: string;
	readonly control: StartedControlPlane;
	/** Calls with the first admin key. */
	readonly api: ApiClient;
	readonly connection: NatsConnection;
}

/** All of it is closed with the test, or with the file. */
export async function startOnBus(options: Omit<ControlPlaneOptions, "natsUrl"> = {}): Promise<StartedOnBus> {
	const natsUrl = (await startNats()).url;
	const control = await startTestControlPlane({ ...options, natsUrl });
	const api = control.admin;
	await api.ready();
	return { natsUrl, control, api, connection: await connectTo(natsUrl) };
}
