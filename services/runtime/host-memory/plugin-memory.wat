;; Keeps a copy of a plugin's memory and puts it back. It is a module of its own, because a module can have one memory only: this
;; one imports the plugin's, and hands the bytes over to the host memory, 16 for each call. Most of a plugin's memory is zeroes;
;; they are not copied but filled.
;;
;; What is kept is a list of runs, each a header (offset, length) and its bytes, and at the end a header of length 0.
(module
  (import "extism:host/env" "keep" (func $keep (param $bytes i32) (result i32)))
  (import "extism:host/env" "kept_store" (func $kept_store (param $offset i32) (param $value v128)))
  (import "extism:host/env" "kept_load" (func $kept_load (param $offset i32) (result v128)))
  (import "plugin" "state:memory" (memory 0))

  ;; Bytes that are looked at, and kept, together.
  (global $chunk i32 (i32.const 256))
  (global $saved_pages (mut i32) (i32.const -1))

  (func $size (result i32) (i32.shl (memory.size) (i32.const 16)))

  (func $is_zero (param $at i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (global.get $chunk)))
    (loop $next
      (if (v128.any_true (v128.load (local.get $at))) (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 1))

  ;; Where the run of chunks that begins at $at ends: of zeroes, or of anything else.
  (func $run_end (param $at i32) (param $zero i32) (result i32)
    (local $size i32)
    (local.set $size (call $size))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $size)))
        (br_if $done (i32.ne (call $is_zero (local.get $at)) (local.get $zero)))
        (local.set $at (i32.add (local.get $at) (global.get $chunk)))
        (br $next)))
    (local.get $at))

  (func $header (param $offset i32) (param $length i32) (result v128)
    (i32x4.replace_lane 1 (i32x4.replace_lane 0 (v128.const i64x2 0 0) (local.get $offset)) (local.get $length)))

  ;; Bytes that keeping the memory takes, headers included.
  (func $needed (result i32)
    (local $at i32) (local $end i32) (local $bytes i32)
    (local.set $bytes (i32.const 16))
    (loop $next
      (local.set $at (call $run_end (local.get $at) (i32.const 1)))
      (local.set $end (call $run_end (local.get $at) (i32.const 0)))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (local.set $bytes
            (i32.add (local.get $bytes) (i32.add (i32.const 16) (i32.sub (local.get $end) (local.get $at)))))
          (local.set $at (local.get $end))
          (br $next))))
    (local.get $bytes))

  ;; Keeps the memory as it is now. 0: there is no room for it.
  (func (export "save_memory") (result i32)
    (local $at i32) (local $end i32) (local $to i32)
    (if (i32.eqz (call $keep (call $needed))) (then (return (i32.const 0))))
    (loop $next
      (local.set $at (call $run_end (local.get $at) (i32.const 1)))
      (local.set $end (call $run_end (local.get $at) (i32.const 0)))
      (call $kept_store
        (local.get $to)
        (call $header (local.get $at) (i32.sub (local.get $end) (local.get $at))))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (loop $copy
            (call $kept_store (local.get $to) (v128.load (local.get $at)))
            (local.set $to (i32.add (local.get $to) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $copy (i32.lt_u (local.get $at) (local.get $end))))
          (br $next))))
    (global.set $saved_pages (memory.size))
    (i32.const 1))

  ;; Puts the memory back. 0: it has grown since, and a memory cannot shrink.
  (func (export "restore_memory") (result i32)
    (local $at i32) (local $end i32) (local $from i32) (local $header v128)
    (if (i32.ne (memory.size) (global.get $saved_pages)) (then (return (i32.const 0))))
    (loop $next
      (local.set $header (call $kept_load (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $end (i32x4.extract_lane 0 (local.get $header)))
      (memory.fill (local.get $at) (i32.const 0) (i32.sub (local.get $end) (local.get $at)))
      (local.set $at (local.get $end))
      (local.set $end (i32.add (local.get $at) (i32x4.extract_lane 1 (local.get $header))))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (loop $copy
            (v128.store (local.get $at) (call $kept_load (local.get $from)))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $copy (i32.lt_u (local.get $at) (local.get $end))))
          (br $next))))
    (i32.const 1))

  (func (export "memory_pages") (result i32) (memory.size)))
