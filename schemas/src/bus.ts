// Names of what the bus keeps in NATS JetStream. Every service creates what is missing, so start order does not matter.

/** Stream of durable events (`on_after_response`): work queue, refuses new ones when full. */
export const EVENT_STREAM = "HOOKBUS_EVENTS";
/** Stream of execution batches on their way to the database. */
export const EXECUTION_STREAM = "HOOKBUS_EXECUTIONS";
/** Stream of dead letters: durable events that were given up, with the reason. */
export const DEAD_LETTER_STREAM = "HOOKBUS_DEAD_LETTERS";
/** Stream of recorded events, one message for each subject: the place of the event in its recording. */
export const RECORDING_STREAM = "HOOKBUS_RECORDINGS";
/** Header of a recorded event: the subject that it came by. */
export const RECORDED_SUBJECT_HEADER = "Hookbus-Subject";
/** Key-value bucket: tenant → RouteTable, as JSON; for a large one PackedTable. */
export const ROUTE_BUCKET = "HOOKBUS_ROUTES";
/** Key-value bucket: `<tenant>.<digest>.<number>` → part of a large route table. */
export const TABLE_PART_BUCKET = "HOOKBUS_TABLE_PARTS";
/** Key-value bucket: tenant → HookPolicy, as JSON; what clients apply when nobody answers. */
export const POLICY_BUCKET = "HOOKBUS_POLICIES";
/** Key-value bucket: `<tenant>.<event digest>` → which plugins have handled a durable event. */
export const DONE_BUCKET = "HOOKBUS_DONE";
/** Key-value bucket: `<day>.<tenant>.<plugin>` → what the plugin has cost on that day (UTC), in US dollars. */
export const COST_BUCKET = "HOOKBUS_COSTS";
/** Object store of modules, each under its digest. */
export const MODULE_STORE = "HOOKBUS_MODULES";

/** Stream of what plugins keep as state: the last message of each subject counts. */
export const STATE_STREAM = "HOOKBUS_STATE";
/** Stream of the files that plugins keep: the last message of each subject counts. */
export const FILE_STREAM = "HOOKBUS_FILES";

/** Durable consumer of EVENT_STREAM that all runtimes share. */
export const EVENT_CONSUMER = "runtimes";
/** Header of a durable event that is published again: how often it was delivered before, so that its executions count on. */
export const PRIOR_ATTEMPTS_HEADER = "Hookbus-Prior-Attempts";
/** Durable consumer of EXECUTION_STREAM that the control plane reads. */
export const EXECUTION_CONSUMER = "control-plane";

/** Queue group of all runtimes. */
export const RUNTIME_QUEUE = "runtimes";
