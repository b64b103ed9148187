// Column type for raw bytes. drizzle has none in this version; both drivers give and take Uint8Array for `bytea`.
import { customType } from "drizzle-orm/pg-core";

export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
	dataType: () => "bytea",
});
