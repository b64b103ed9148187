// For `npx drizzle-kit generate`: writes the migration that is missing between the last one and the tables. Build first.
import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "postgresql", schema: "./dist/database/tables/*.js", out: "./migrations" });
