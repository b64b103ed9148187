// Reads a tenant's route table from the bus, in whichever of its two forms it is there.
import { isPackedTable, isRouteTable, type RouteTable } from "@hookbus/schemas";
import type { Bus } from "../ensure-bus.js";
import { unpackTable } from "./unpack-table.js";

/**
 * `undefined`: there is none, or it is not valid. Rejects when the bus cannot be reached.
 *
 * @throws CodedError `table_missing`, `table_corrupt`, `table_invalid`
 */
export async function readTable(
	{ routes, tableParts }: Pick<Bus, "routes" | "tableParts">,
	tenant: string,
): Promise<RouteTable | undefined> {
	const value: unknown = (await routes.get(tenant))?.json();
	if (!isPackedTable(value)) return isRouteTable(value) ? value : undefined;
	return (await unpackTable(value, await tableParts.read(value))).table;
}
