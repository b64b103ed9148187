// Where the checked-in migrations are: beside `src` and `dist`, so that both find the same files.
import { fileURLToPath } from "node:url";

/** Directory of the migrations that drizzle-kit generated; the same for PostgreSQL and PGlite. */
export const MIGRATIONS = fileURLToPath(new URL("../../migrations", import.meta.url));
