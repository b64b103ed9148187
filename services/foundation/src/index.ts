// Everything that the services may import.
export { AddressGuard } from "./address-guard.js";
export {
	CodedError,
	type CodedErrorOptions,
	defineErrors,
	describeError,
	type ErrorDefinition,
	type ErrorFactory,
	type FaultLocation,
} from "./define-errors.js";
export {
	commonFaults,
	isThisMachine,
	type JudgedSettings,
	judgeFaults,
	type Profile,
	ProfileSettings,
} from "./deployment-profile.js";
export { doneMarkKey } from "./done-mark-key.js";
export { type Bus, type BusOptions, ensureBus } from "./ensure-bus.js";
export { createMasterKeys, type DataKey, type MasterKeys } from "./master-keys.js";
export { connectNats, isSafeNatsVersion, type NatsOptions } from "./nats-connection.js";
export { type NatsAuthentication, NatsCredentialSettings, natsAuthentication } from "./nats-credentials.js";
export { createOrderedStop, type StopStep } from "./ordered-stop.js";
export { onTerminationSignals } from "./process-signals.js";
export { LogLevel, type ReadSettingsOptions, readSettings } from "./read-settings.js";
export { protectedHeader, sealedWith } from "./sealing-key.js";
export {
	createSecretBox,
	createSecretOpener,
	type DataKeys,
	type SecretBox,
	type SecretOpener,
	type SecretPlace,
	valueIdOf,
} from "./secret-box.js";
export { type PackedDocument, packTable, type TableLines, writeLines } from "./tables/pack-table.js";
export { readTable } from "./tables/read-table.js";
export { tableFaults } from "./tables/table-faults.js";
export { TableParts } from "./tables/table-parts.js";
export { type TableMemory, type UnpackedTable, unpackTable } from "./tables/unpack-table.js";
export { TimeSlices } from "./time-slices.js";
export * from "./wasm/index.js";
