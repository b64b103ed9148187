// What is known of Wasm modules, as an entry of its own: worker threads import it without the connection and key libraries.
export { type AdmissionRules, moduleFaults } from "./admit-module.js";
export { encodeFunctionType, encodeModule, encodeName, encodeU32, encodeVector } from "./binary-writer.js";
export { type ExposedModule, exposeState, globalExport, MEMORY_EXPORT, ownExport, scanInstructions } from "./expose-state.js";
export { EXTISM_ENV, EXTISM_IMPORTS } from "./extism-imports.js";
export { describeType, sameType } from "./function-types.js";
export { type FunctionType, inspectModule, type ModuleExport, type ModuleFacts, type ModuleImport } from "./inspect-module.js";
export { limitMemory } from "./limit-memory.js";
export { limitTables, MAX_TABLE_ELEMENTS } from "./limit-tables.js";
export { ModuleFault, type ModuleFaultCode } from "./module-fault.js";
export { readSections, SECTION, type Section } from "./read-sections.js";
export { USER_IMPORTS, USER_MODULE } from "./user-imports.js";
export { VALUE_TYPE_CODES, type ValueType } from "./value-types.js";
export { WASI, WASI_IMPORTS } from "./wasi-imports.js";
