// The functions of the host that Extism's own PDK for AssemblyScript does not declare. A plugin's module imports those that it
// uses and no others. Texts and bytes are blocks of host memory, passed by their address; 0 is no block. They stand alone in this
// file because Biome cannot read AssemblyScript's decorators in front of functions; biome.json leaves it out.

@external("extism:host/env", "http_status_code")
export declare function http_status_code(): i32;
@external("extism:host/env", "http_headers")
export declare function http_headers(): u64;

@external("extism:host/user", "state_get")
export declare function state_get(key: u64): u64;
@external("extism:host/user", "state_set")
export declare function state_set(key: u64, value: u64, ttlMs: i64): i32;
@external("extism:host/user", "state_delete")
export declare function state_delete(key: u64): void;
@external("extism:host/user", "state_increment")
export declare function state_increment(key: u64, by: i64, ttlMs: i64): i64;
@external("extism:host/user", "once")
export declare function once(key: u64, ttlMs: i64): i32;
@external("extism:host/user", "file_read")
export declare function file_read(path: u64): u64;
@external("extism:host/user", "file_write")
export declare function file_write(path: u64, content: u64): i32;
@external("extism:host/user", "file_delete")
export declare function file_delete(path: u64): void;
@external("extism:host/user", "file_list")
export declare function file_list(prefix: u64): u64;
@external("extism:host/user", "publish")
export declare function publish(topic: u64, body: u64): void;
