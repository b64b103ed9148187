// What the host memory cannot answer by itself: src/plugin-host/host-functions.ts does. Texts and bytes are passed as where they
// begin in this memory, and how long they are. An answer is the number of a block that the host made with `allocate_for_host`, or 0.

/** Ends the call: the host throws. */
export declare function fail(fault: u32): void;
export declare function log(level: u32, begin: u32, length: u32): void;
export declare function config_get(begin: u32, length: u32): u32;
export declare function var_get(begin: u32, length: u32): u32;
export declare function var_set(nameBegin: u32, nameLength: u32, begin: u32, length: u32): void;
export declare function var_delete(begin: u32, length: u32): void;
export declare function http_request(begin: u32, length: u32, bodyBegin: u32, bodyLength: u32): u32;
/** Of the last request of this call; 0: there was none, or no response. */
export declare function http_status_code(): u32;
/** A block with the headers of the last response as a JSON object; 0: there was none. */
export declare function http_headers(): u32;
