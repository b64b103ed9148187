// What the host calls on a plugin besides hooks and `initialize`, when the module exports it: `health` says now and then whether the
// plugin could work, `shutdown` ends what it has outside when it leaves service. Without it a plugin whose service is down would be found
// out by the events that it fails, and one that is removed could not say goodbye.

/** Exports without parameters that return an i32, as hooks do: 0 and no error set is good. */
export const OWN_CALLS = ["health", "shutdown"] as const;

export type OwnCall = (typeof OWN_CALLS)[number];

/** Milliseconds for one of these calls, making the instance included. */
export const OWN_CALL_MS = 2_000;
