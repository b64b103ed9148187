// Vitest looks for its settings at the top level only; they live in test/settings.
export { default } from "./test/settings/vitest.config.js";
