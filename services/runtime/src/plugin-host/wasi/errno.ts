// Error numbers of WASI that this host answers with. host-memory/wasi.wat has those that need no host.
export const ERRNO = { success: 0, badFile: 8, badAddress: 21, invalid: 28 } as const;

export type Errno = (typeof ERRNO)[keyof typeof ERRNO];
