;; Keeps a copy of a plugin's memory and puts it back. It is a module of its own, because a module can have one memory only: this
;; one imports the plugin's, and hands the bytes over through kept-memory.wat. Most of a plugin's memory is zeroes; they are not
;; copied but filled.
;;
;; What is kept is a list of runs, each a header of 64 bytes (offset, length) and its bytes, and at the end a header of length 0.
(module
  (import "extism:host/env" "keep" (func $keep (param $bytes i32) (result i32)))
  (import "hookbus:kept-memory" "load" (func $load (param $at i32) (result v128 v128 v128 v128)))
  (import "hookbus:kept-memory" "store" (func $store (param $at i32) (param v128 v128 v128 v128)))
  (import "plugin" "state:memory" (memory 0))

  ;; Bytes that are looked at, and kept, together.
  (global $chunk i32 (i32.const 256))
  (global $saved_pages (mut i32) (i32.const -1))
  ;; Where the kept bytes begin in the host memory.
  (global $kept (mut i32) (i32.const 0))

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

  (func $store_header (param $at i32) (param $offset i32) (param $length i32)
    (call $store
      (local.get $at)
      (i32x4.replace_lane 1 (i32x4.replace_lane 0 (v128.const i64x2 0 0) (local.get $offset)) (local.get $length))
      (v128.const i64x2 0 0)
      (v128.const i64x2 0 0)
      (v128.const i64x2 0 0)))

  ;; Bytes that keeping the memory takes, headers included.
  (func $needed (result i32)
    (local $at i32) (local $end i32) (local $bytes i32)
    (local.set $bytes (i32.const 64))
    (loop $next
      (local.set $at (call $run_end (local.get $at) (i32.const 1)))
      (local.set $end (call $run_end (local.get $at) (i32.const 0)))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (local.set $bytes
            (i32.add (local.get $bytes) (i32.add (i32.const 64) (i32.sub (local.get $end) (local.get $at)))))
          (local.set $at (local.get $end))
          (br $next))))
    (local.get $bytes))

  ;; Keeps the memory as it is now. 0: there is no room for it.
  (func (export "save_memory") (result i32)
    (local $at i32) (local $end i32) (local $to i32)
    (global.set $kept (call $keep (call $needed)))
    (if (i32.eqz (global.get $kept)) (then (return (i32.const 0))))
    (local.set $to (global.get $kept))
    (loop $next
      (local.set $at (call $run_end (local.get $at) (i32.const 1)))
      (local.set $end (call $run_end (local.get $at) (i32.const 0)))
      (call $store_header (local.get $to) (local.get $at) (i32.sub (local.get $end) (local.get $at)))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (loop $copy
            (call $store
              (local.get $to)
              (v128.load (local.get $at))
              (v128.load offset=16 (local.get $at))
              (v128.load offset=32 (local.get $at))
              (v128.load offset=48 (local.get $at)))
            (local.set $to (i32.add (local.get $to) (i32.const 64)))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br_if $copy (i32.lt_u (local.get $at) (local.get $end))))
          (br $next))))
    (global.set $saved_pages (memory.size))
    (i32.const 1))

  ;; Puts the memory back. 0: it has grown since, and a memory cannot shrink.
  (func (export "restore_memory") (result i32)
    (local $at i32) (local $end i32) (local $from i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (if (i32.ne (memory.size) (global.get $saved_pages)) (then (return (i32.const 0))))
    (local.set $from (global.get $kept))
    (loop $next
      (call $load (local.get $from))
      (drop) (drop) (drop)
      (local.set $a)
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (local.set $end (i32x4.extract_lane 0 (local.get $a)))
      (memory.fill (local.get $at) (i32.const 0) (i32.sub (local.get $end) (local.get $at)))
      (local.set $at (local.get $end))
      (local.set $end (i32.add (local.get $at) (i32x4.extract_lane 1 (local.get $a))))
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (loop $copy
            (call $load (local.get $from))
            (local.set $d) (local.set $c) (local.set $b) (local.set $a)
            (v128.store (local.get $at) (local.get $a))
            (v128.store offset=16 (local.get $at) (local.get $b))
            (v128.store offset=32 (local.get $at) (local.get $c))
            (v128.store offset=48 (local.get $at) (local.get $d))
            (local.set $from (i32.add (local.get $from) (i32.const 64)))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br_if $copy (i32.lt_u (local.get $at) (local.get $end))))
          (br $next))))
    (i32.const 1))

  (func (export "memory_pages") (result i32) (memory.size)))
